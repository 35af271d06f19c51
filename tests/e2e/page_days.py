# SPDX-License-Identifier: Apache-2.0
"""The hub's pages as a real browser shows them: what they say, that hostile names stay text, how they look."""
import html.parser
import os
import subprocess
import time
import urllib.parse

from browser import Browser, Png
from kmsg import Log
from stand import BIN, Stand, http, wait_for

AGENT = os.path.join(os.path.dirname(BIN), "tests", "e2e", "page_agent_tool")
# What the pages are made of; all else came from outside.
OURS = set("""html head meta link title body a nav main header footer section aside div span p small h1 h2 h3 ul ol li table thead tbody
tr th td b strong bdi code pre time svg g text line rect path circle""".split())
PAYLOADS = [
    "<script>document.title='pwned'</script>",
    "\"><img src=x onerror=\"document.title='pwned'\">",
    "' onmouseover='document.title=1' x='",
    "javascript:document.title='pwned'",
    "</title></svg></pre><svg onload=\"document.title='pwned'\"/>",
    "<style>*{display:none}</style><base href=//evil.example><meta http-equiv=refresh content=0;url=//evil.example>",
    "https://evil.example/\" onmouseover=\"document.title='pwned'\" x=\"",  # for where an address may stand
    "\x1b[31mred\x1b[2J\x07\x9b31m",
    "\u202egnp.exe\u2066\u2069 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
]


class Page(html.parser.HTMLParser):
    """A page as tags, links and the text people read."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.links, self.classes, self.pieces, self.open_titles = [], [], [], [], 0
        self.feed(source)
        self.text = " ".join(" ".join(self.pieces).split())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.classes += (attrs.get("class") or "").split()
        self.open_titles += tag == "title"
        if tag == "a":
            self.links.append(attrs.get("href"))

    def handle_endtag(self, tag):
        self.open_titles -= tag == "title"

    def handle_data(self, data):
        if not self.open_titles:
            self.pieces.append(data)

    def check_only_ours(self):
        for tag, attrs in self.tags:
            assert tag in OURS, f"<{tag}> {attrs} is none of ours"
            for name, value in attrs.items():
                assert not name.startswith("on") and name not in ("style", "src"), (tag, attrs)
                if name == "href":
                    assert value.startswith("/") or value.startswith("#") or value.startswith("https://"), value
                if name == "http-equiv":
                    assert attrs["content"].isdigit(), attrs


class Doubled:
    """A hub with agents that bring made findings, and a browser in front of it."""

    def __init__(self):
        self.browser = Browser()  # first: it may Skip
        self.stand = Stand(node="real-node")
        self.agents = []
        self.stand.start_hub()

    def bring(self, node, *text):
        """Ids by rule."""
        agent = subprocess.Popen([AGENT, f"127.0.0.1:{self.stand.rpc}", node, *text], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 text=True)
        self.agents.append(agent)
        ids = dict(agent.stdout.readline().split() for _ in range(1 if text else 4))
        assert all(ids.values()) and ids, f"page_agent_tool ended: {agent.poll()}"
        return ids

    def open(self, path):
        self.browser.open(f"http://127.0.0.1:{self.stand.http}{path}")
        page = Page(self.browser.dom())
        page.check_only_ours()
        return page

    def quiet(self):
        """Nothing ran, nothing was refused, nothing but our own was asked for."""
        assert not self.browser.said, self.browser.said
        here = f"http://127.0.0.1:{self.stand.http}/"
        foreign = [url for url in self.browser.requests() if not url.startswith(here)]
        assert not foreign, foreign

    def leave(self, agent):
        agent.stdin.close()
        agent.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for agent in self.agents:
            if agent.poll() is None:
                self.leave(agent)
        self.browser.close()
        self.stand.discard()


def in_order(text, *words):
    at = 0
    for word in words:
        found = text.find(word, at)
        assert found >= 0, f"'{word}' is missing, or not behind the word before it, in: {text}"
        at = found + len(word)


def test_a_job_has_a_page_that_says_who_it_is():
    with Doubled() as d:
        ids = d.bring("story-node")
        page = d.open("/i/" + ids["gpu.fell_off_bus"])
        assert "/job/slurm%3A81734" in page.links, page.links
        page = d.open("/job/81734")  # without its scheduler, as people type it
        in_order(page.text, "critical", "job slurm:81734", "1 cause explains 2 symptoms", "Open findings", "GPU 3 fell off the PCIe bus",
                 "In a terminal", "why job slurm:81734")
        assert {"/i/" + ids["gpu.fell_off_bus"], "/n/story-node", "/"} <= set(page.links)
        d.browser.look_like(width=390, height=900)
        wide = d.browser.ask("document.documentElement.scrollWidth")
        assert wide <= 390, f"{wide} pixels on a screen of 390"
        for text in PAYLOADS:
            d.bring(f"hostile-{PAYLOADS.index(text)}", text)
            page = d.open("/pod/" + urllib.parse.quote(text, safe=""))
            in_order(page.text, "critical", "pod ", "Open findings", "test.hostile")
            assert d.browser.ask("document.title").endswith("- why")
        d.quiet()
        page = d.open("/pod/nobody/knows")
        in_order(page.text, "nothing is known of it", "no stored finding is about pod 'nobody/knows'")


def test_a_finding_reads_like_the_command():
    with Doubled() as d:
        ids = d.bring("story-node")
        page = d.open("/i/" + ids["gpu.fell_off_bus"])
        in_order(page.text, "critical", "GPU 3 fell off the PCIe bus", "since", "story-node", "confirmed 0.99", "coverage 0.92",
                 "Timeline", "Because", "PCIe port 0000:5d:01.0 lost its link", "deeper cause", "a fatal PCIe error 6 ms earlier",
                 "\u22126 ms", "kernel: NVRM: Xid (PCI:0000:5e:00): 79", "gpu.xid", "by kernlog", "Against", "nvidia-smi still answered",
                 "Explains", "python3[4242] died of SIGABRT", "+4 s", "nccl.waits", "Affected", "job slurm:81734", "Ruled out",
                 "gpu.thermal", "peak 61 C", "Cannot tell", "power supply", "no BMC access", "Do", "reboot_node", "then", "replace_node",
                 "lspci -vvs 0000:5e:00 | grep -i '<lnksta>'")
        assert {"/i/" + ids["pcie.link_lost"], "/i/" + ids["proc.died"], "/n/story-node", "/"} <= set(page.links)
        rows = [a["class"].split()[1] for tag, a in page.tags if tag == "g"]
        assert rows == ["cause"] + ["against", "seen", "seen", "seen"] + ["lasted"] + ["felt", "felt"], rows
        # The picture keeps the order of time: what was seen is left of the opening, what is felt right of it.
        marks = d.browser.ask("[...document.querySelectorAll('.row > :last-child')].map(e => e.getBoundingClientRect().left)")
        opened = d.browser.ask("document.querySelector('.chart .at').getBoundingClientRect().left")
        assert marks[1] < marks[0] < marks[2] < opened and marks[6] > opened and marks[7] > marks[6], (marks, opened)
        d.browser.look_like(width=390, height=900)
        d.browser.ask("document.querySelector('.jump a').click()")
        top = d.browser.ask("document.querySelector('#do').getBoundingClientRect().top")
        assert 0 <= top < 900, f"the box of what to do is at {top}"
        page = d.open("/i/" + ids["fs.full"])
        in_order(page.text, "resolved", "/scratch is full", "after 1 h", "cleared")
        assert not any(a.get("http-equiv") for _, a in page.tags), "a page that cannot change reloads"
        assert http(d.stand.http, "/i/fnd_none")[0] == 404
        d.quiet()


def test_the_fleet_shows_the_worst_first():
    with Doubled() as d:
        ids = d.bring("story-node")
        d.stand.start_agent()
        d.stand.agent.stop()
        page = d.open("/")
        in_order(page.text, "1 critical", "critical", "unknown", "0 \u2713 healthy", "Nodes, the worst first", "story-node",
                 "\u2716 critical", "real-node", "? unknown", "agent silent", "Open findings, most severe first",
                 "PCIe port 0000:5d:01.0 lost its link", "GPU 3 fell off the PCIe bus", "explained by", "python3[4242] died of SIGABRT",
                 "Lately resolved", "/scratch is full")
        cards = [a["class"] for tag, a in page.tags if tag == "a" and "card" in (a.get("class") or "").split()]
        assert cards == ["card critical", "card unknown"], cards
        assert "/i/" + ids["gpu.fell_off_bus"] in page.links and "/n/real-node" in page.links
        page = d.open("/n/story-node")
        in_order(page.text, "critical", "story-node", "3 open findings", "Open findings", "The last 24 hours", "/scratch is full",
                 "why doctor story-node")
        d.quiet()


def test_a_stopped_agent_is_unknown_never_healthy():
    with Doubled() as d:
        d.bring("story-node")
        d.stand.start_agent()
        # Until its first evaluation a node is unknown, and rightly so.
        wait_for(lambda: "Nothing current is known" not in d.open("/n/real-node").text, 15, "the node to be known")
        d.stand.agent.stop()
        d.leave(d.agents[0])
        wait_for(lambda: http(d.stand.http, "/")[1].count("card unknown") == 2, 15, "both nodes to be unknown")
        page = d.open("/")
        assert "2 ? unknown" in page.text and "0 \u2713 healthy" in page.text, page.text
        assert not {"card healthy", "cell healthy", "card critical"} & {a.get("class") for _, a in page.tags}
        rows = [a["class"].split() for tag, a in page.tags if tag == "tr" and "class" in a]
        assert len(rows) >= 4 and all("silent" in row or "r-resolved" in row for row in rows), rows
        assert page.text.count("last known, agent silent") == sum("silent" in row for row in rows) >= 3, page.text
        page = d.open("/n/real-node")
        in_order(page.text, "? unknown", "real-node", "agent silent", "Nothing current is known of this node", "Is whyd running there?")
        assert "healthy" not in page.text and "h-unknown" in page.classes
        hatched = d.browser.ask("getComputedStyle(document.querySelector('.s.unknown')).backgroundImage")
        assert hatched.startswith("repeating-linear-gradient"), hatched
        assert http(d.stand.http, "/n/nobody")[0] == 404
        d.quiet()


def check_hostile(d, path, text):
    """Opened twice: wide, and on a phone. `text` (or its escapes) is there to read, nothing of it is alive or sticks out."""
    for width in (1280, 390):
        d.browser.look_like(width=width, height=900)
        page = d.open(path)
        title, wide = d.browser.ask("document.title"), d.browser.ask("document.documentElement.scrollWidth")
        assert title.endswith(" - why"), title
        assert wide <= width, f"{path} is {wide} wide on a screen of {width}"
        # The longest way that one text may stretch a page: the whole text is in some boxes, but each of them scrolls.
        tall = d.browser.ask("document.documentElement.scrollHeight")
        assert tall < 12000, f"{path} is {tall} high"
        for sign in "\x1b\x07\x9b\u202e\u2066\u2069":
            assert sign not in page.text, hex(ord(sign))
    assert text in page.text, (text, page.text)
    d.quiet()


def test_hostile_findings_stay_text():
    shown = ["<script>document.title='pwned'</script>", "\"><img src=x onerror=", "' onmouseover=", "javascript:document", "</title></svg>",
             "<style>*{display:none}</style><base href=//evil.example>", "https://evil.example/\" onmouseover=",
             "\\u{001b}[31mred", "\\u{202e}gnp.exe\\u{2066}\\u{2069} "]
    with Doubled() as d:
        for i, payload in enumerate(PAYLOADS):
            ids = d.bring(f"evil-{i}", payload)
            check_hostile(d, "/i/" + ids["test.hostile"], shown[i])
        for i in range(len(PAYLOADS)):
            check_hostile(d, "/", shown[i])
        ids = d.bring("evil-long", "W" * 4000 + "<b>")
        check_hostile(d, "/i/" + ids["test.hostile"], "W" * 4000 + "<b>")
        ids = d.bring("evil-wide", "\u4e2d\u6587<i>" * 300)
        check_hostile(d, "/i/" + ids["test.hostile"], "\u4e2d\u6587<i>" * 300)
        check_hostile(d, "/", "W" * 200)
        for i in range(len(PAYLOADS)):
            check_hostile(d, f"/n/evil-{i}", shown[i])


def test_hostile_kernel_log_stays_text():
    """Through the whole chain: a kernel-log line, the agent's rules, the hub, the browser."""
    with Doubled() as d:
        log = Log(d.stand.folder)
        d.stand.agent_args = ["--kmsg", log.path]
        d.stand.start_agent()
        for i, payload in enumerate(PAYLOADS):
            micros = time.monotonic_ns() // 1000
            comm = payload.replace(",", "").replace("\n", "")
            log.file.write(f"4,{i + 1},{micros},-;NVRM: Xid (PCI:0000:{i:02x}:00): 31, pid=4242, name={comm}, MMU Fault {comm}\n")
        found = wait_for(lambda: len(x := [f for f in d.stand.findings() if f["rule"] == "gpu.app_exception"]) == len(PAYLOADS) and x, 20,
                         f"{len(PAYLOADS)} findings", every=0.5)
        for f in found:
            page = d.open("/i/" + f["id"])
            in_order(page.text, "warning", "simulated", "made a fault on GPU", "Made from simulated readings", "Because", "kernel log: Xid 31",
                     "fix_workload")
            assert d.browser.ask("document.title").endswith(" - why")
            d.quiet()
        page = d.open("/")
        for part in ("<script>document.title='pwned'</script>", "onerror=", "</svg></pre>"):
            assert part in page.text, part
        d.quiet()


def ground(d, width=600, height=900, **look):
    d.browser.look_like(width=width, height=height, **look)
    d.open("/")
    picture = d.browser.screenshot()
    png = Png(picture)
    assert (png.width, png.height) == (width, height)
    assert len(picture) > 10000 and png.colours() > 50, (len(picture), png.colours())
    return png


def test_the_page_is_seen_in_light_dark_and_print():
    with Doubled() as d:
        ids = d.bring("story-node")
        light, dark = ground(d), ground(d, dark=True)
        assert min(light.at(2, 500)) > 230 and max(dark.at(2, 500)) < 40, (light.at(2, 500), dark.at(2, 500))
        d.browser.look_like(width=600, height=900, media="print")
        d.open("/i/" + ids["gpu.fell_off_bus"])
        assert d.browser.ask("getComputedStyle(document.querySelector('.trail')).display") == "none"
        assert d.browser.ask("document.querySelector('#do pre').offsetHeight") > 0


def test_every_link_is_reached_by_the_keyboard():
    with Doubled() as d:
        ids = d.bring("story-node")
        d.browser.look_like()
        page = d.open("/i/" + ids["gpu.fell_off_bus"])
        reached = set()
        for _ in range(60):
            d.browser.press_tab()
            here = d.browser.ask("(document.activeElement.getAttribute('href') || document.activeElement.className || "
                                 "document.activeElement.tagName) + ''")
            reached.add(here)
            ring = d.browser.ask("getComputedStyle(document.activeElement).outlineStyle")
            assert here == "BODY" or ring == "solid", (here, ring)
        missing = set(page.links) - reached - {"#do"}  # of narrow screens only
        assert not missing and {"scroll", "PRE"} <= reached, (missing, reached)


def test_it_works_without_scripts():
    with Doubled() as d:
        ids = d.bring("story-node")
        for path in ("/", "/n/story-node", "/i/" + ids["gpu.fell_off_bus"]):
            assert "<script" not in http(d.stand.http, path)[1]
        d.browser.call("Emulation.setScriptExecutionDisabled", value=True)
        page = d.open("/i/" + ids["gpu.fell_off_bus"])
        in_order(page.text, "GPU 3 fell off the PCIe bus", "Because", "Do")
