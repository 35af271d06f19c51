// SPDX-License-Identifier: Apache-2.0
#include "hub/page.h"

#include "base/version.h"
#include "hub/html.h"
#include "hub/widget.h"

static void trail(struct buf *out, const char *node, const char *here)
{
	html_add(out, "<nav class=\"trail\" aria-label=\"where you are\"><a class=\"mark\" href=\"/\">why</a>"
		      "<a href=\"/\">fleet</a>");
	if (node) {
		html_add(out, "<span aria-hidden=\"true\">\xe2\x80\xba</span>");
		widget_node(out, node);
	}
	if (here) {
		html_add(out, "<span aria-hidden=\"true\">\xe2\x80\xba</span><span aria-current=\"page\">");
		html_text_cut(out, here, 60);
		html_add(out, "</span>");
	}
	html_add(out, "</nav>");
}

void page_begin(struct buf *out, const char *title, const char *node, const char *here, unsigned refresh_s)
{
	html_add(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
		      "content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">");
	if (refresh_s)
		(void)buf_addf(out, "<meta http-equiv=\"refresh\" content=\"%u\">", refresh_s);
	html_add(out, "<link rel=\"stylesheet\" href=\"/style.css\"><title>");
	html_text_cut(out, title, PAGE_MAX_TITLE);
	html_add(out, " - why</title></head><body><a class=\"skip\" href=\"#main\">to the content</a>");
	trail(out, node, here);
	html_add(out, "<main id=\"main\">");
}

void page_end(struct buf *out, wall_ns_t as_of, unsigned refresh_s)
{
	html_add(out, "</main><footer>");
	if (as_of) {
		html_add(out, "as of ");
		html_time(out, as_of);
		html_add(out, " UTC, all times UTC \xc2\xb7 ");
	}
	if (refresh_s)
		(void)buf_addf(out, "reloads every %u s \xc2\xb7 ", refresh_s);
	html_add(out, "whyhub " WHY_VERSION "</footer></body></html>\n");
}

void page_message(const char *title, const char *text, struct buf *out)
{
	page_begin(out, title, NULL, NULL, 0);
	html_add(out, "<h1>");
	html_text(out, title);
	html_add(out, "</h1><p>");
	html_text(out, text);
	html_add(out, "</p>");
	page_end(out, 0, 0);
}
