// SPDX-License-Identifier: Apache-2.0
#include "hub/page.h"

/* Colours of the Okabe-Ito palette, which people with any colour vision tell apart; contrast on white is above 4.5. */
static const char style[] =
	"body{font:15px/1.45 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:76rem;margin:1.5rem "
	"auto;padding:0 1rem}"
	"h1{font-size:1.35rem;margin:.2rem 0}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}"
	"a{color:#00507a}a:focus{outline:3px solid #0072b2}"
	"table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.28rem "
	".6rem;border-bottom:1px solid #ddd}"
	"th{font-weight:600;border-bottom:2px solid #999}td{overflow-wrap:anywhere}"
	".s{display:inline-block;min-width:6.2rem;padding:0 .4rem;font-weight:600;border-left:.5rem solid}"
	".critical{border-color:#b33c00;color:#8f3000}.warning{border-color:#e69f00;color:#6b4a00}"
	".healthy,.info,.resolved{border-color:#009e73;color:#005c43}.unknown{border-color:#777;border-left-style:"
	"dashed;color:#444}"
	".note{background:#f3f3f3;border-left:.4rem dashed #777;padding:.4rem .7rem;margin:.8rem 0}"
	"pre{background:#f6f6f6;padding:.5rem .7rem;overflow-x:auto;margin:.3rem "
	"0}code{font-family:ui-monospace,monospace}"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem "
	".9rem}dt{color:#555}dd{margin:0;overflow-wrap:anywhere}"
	"footer{margin-top:2rem;color:#555;font-size:.85rem}"
	"@media(prefers-color-scheme:dark){body{background:#161616;color:#eee}a{color:#8cc8f0}th,td{border-color:#444}"
	".critical{color:#ff9a66}.warning{color:#ffc94d}.healthy,.info,.resolved{color:#5fd6ae}.unknown{color:#bbb}"
	"pre,.note{background:#242424}dt,footer{color:#aaa}}";

const char *page_style(void)
{
	return style;
}
