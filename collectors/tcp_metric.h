/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_metric.h - positions in the metric table of collectors/tcp.c, for the files that it is made of.
 *
 * Room: collectors.  Owns: nothing.  Thread: any.  Clock: none.  Bounds: none.
 */
#ifndef WHY_COLLECTORS_TCP_METRIC_H
#define WHY_COLLECTORS_TCP_METRIC_H

enum tcp_metric {
	TCP_LINK_RETRANSMITS,
	TCP_LINK_SEGMENTS,
	TCP_LINK_RATIO,
	TCP_LINK_RTT,
	TCP_LINK_RESETS_RECEIVED,
	TCP_LINK_RESETS_SENT,
	TCP_LINK_CONNECT_FAILED,
	TCP_NODE_RATIO,
	TCP_NODE_LOSSY_PEERS,
	TCP_NODE_ACTIVE_PEERS,
	TCP_NODE_MISSED,
	TCP_SOCKET_QUEUE,
	TCP_SOCKET_QUEUE_LIMIT,
	TCP_SOCKET_QUEUE_RATIO,
	TCP_SOCKET_DROPS,
	TCP_N_METRICS,
};

#endif
