"""The picture of a run: processor time a message by stage as bars, and latencies at a constant rate.

Narrow and in large letters, so that it can be read on a phone. The same figures give the same picture.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from bench.figures import Result
from bench.lab import EMPTY_TIME
from bench.report import number, stage_names
from bench.run import Report

WIDTH, MARGIN = 480, 16
BAR_WIDTH = WIDTH - 2 * MARGIN
LINE, BAR = 22, 26
# As many as there are stages; light enough for dark letters, and apart from their neighbours.
COLOURS = (
    "#54aeff", "#b6e3ff", "#4ac26b", "#aceebb", "#d4a72c", "#fae17d", "#fb8f44", "#ffd8b5", "#c297ff", "#ecd8ff",
    "#ff8182", "#c9d1d9", "#ff80c8",
)  # fmt: skip
EMPTY_COLOUR = "#8c959f"
BARS = {
    "single": "one message a request",
    "array": "arrays of 100",
    "out": "out through HTTP",
    "postgresql": "PostgreSQL",
}
RATES = ("answer to the request", "reply on the handset", "empty endpoint")
STYLE = """\
    .page { fill: #ffffff; stroke: #d0d7de; }
    text { fill: #1f2328; font: 14px system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
    .head { font-weight: 600; }
    .quiet { fill: #59636e; }
    .end { text-anchor: end; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; stroke: #3d444d; }
      text { fill: #f0f6fc; }
      .quiet { fill: #9198a1; }
    }"""


@dataclass(slots=True)
class _Page:
    """Lines of SVG, from top to bottom; `y` is where the next one stands."""

    lines: list[str]
    y: float = MARGIN

    def text(self, words: str, *, x: float = MARGIN, kind: str = "") -> None:
        """Write words at the height of the next line, which stays where it is."""
        self.lines.append(f'<text class="{kind}" x="{x:g}" y="{self.y + 15:g}">{escape(words)}</text>')

    def box(self, x: float, width: float, colour: str, height: float = BAR - 6) -> None:
        """Draw a filled box."""
        self.lines.append(
            f'<rect x="{x:.1f}" y="{self.y + 1:g}" width="{width:.1f}" height="{height:g}" fill="{colour}"/>'
        )


def to_svg(report: Report) -> str:
    """Return the picture as a file that stands alone."""
    page = _Page([])
    bars = {name: result for name in BARS if (result := report.result(name)) is not None and result.stages is not None}
    if bars:
        _draw_bars(page, bars)
    if (found := report.result("open-loop")) is not None:
        _draw_latencies(page, found)
    height = page.y + MARGIN
    body = "\n  ".join(page.lines)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" \
role="img" aria-labelledby="title desc">
  <title id="title">Processor time a message by stage, and latencies</title>
  <desc id="desc">{escape("; ".join(_words(bars)))}</desc>
  <style>
{STYLE}
  </style>
  <rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:g}" rx="6"/>
  {body}
</svg>
"""


# ---- bars


def _draw_bars(page: _Page, bars: Mapping[str, Result]) -> None:
    empty = _empty_us(bars)
    all_stages = [result.stages for result in bars.values() if result.stages is not None]
    longest = max(empty, *(stages.total_us for stages in all_stages))
    names = stage_names(all_stages)
    colours = dict(zip(names, COLOURS, strict=False))
    page.text("Processor time a message, µs", kind="head")
    page.y += LINE + 4
    _bar(page, "empty FastAPI endpoint, a request", [(EMPTY_COLOUR, empty)], longest)
    for name, result in bars.items():
        if result.stages is not None:
            parts = [(colours[stage], result.stages.scaled_us.get(stage, 0.0)) for stage in names]
            _bar(page, BARS[name], parts, longest)
    page.y += 6
    _draw_legend(page, colours)


def _bar(page: _Page, label: str, parts: Sequence[tuple[str, float]], longest: float) -> None:
    page.text(label)
    page.text(number(sum(size for _, size in parts)), x=WIDTH - MARGIN, kind="end")
    page.y += LINE
    x: float = MARGIN
    for colour, size in parts:
        width = size / longest * BAR_WIDTH
        page.box(x, width, colour)
        x += width
    page.y += BAR + 4


def _draw_legend(page: _Page, colours: Mapping[str, str]) -> None:
    """Write the names of the stages in two columns, downwards."""
    entries = list(colours.items())
    rows = -(-len(entries) // 2)
    top = page.y
    for place, (name, colour) in enumerate(entries):
        x = MARGIN + place // rows * BAR_WIDTH / 2
        page.y = top + place % rows * LINE
        page.box(x, 14, colour, 14)
        page.text(name, x=x + 22)
    page.y = top + rows * LINE + 8


def _empty_us(bars: Mapping[str, Result]) -> float:
    """Return the processor time of the empty endpoint beside the first of the bars."""
    figure = next(iter(bars.values())).figure(EMPTY_TIME)
    return figure.median if figure else 0.0


def _words(bars: Mapping[str, Result]) -> Iterator[str]:
    """Yield what the bars show, for those who hear the picture."""
    if bars:
        yield f"empty endpoint {number(_empty_us(bars))} µs"
    for name, result in bars.items():
        if result.stages is not None:
            parts = ", ".join(f"{stage} {number(spent)}" for stage, spent in result.stages.scaled_us.items())
            yield f"{BARS[name]} {number(result.stages.total_us)} µs: {parts}"


# ---- latencies


def _draw_latencies(page: _Page, result: Result) -> None:
    rates = dict.fromkeys(figure.name.partition(": ")[0] for figure in result.figures)
    page.y += 6
    page.text("Milliseconds until 99 of 100 are there", kind="head")
    columns = [WIDTH - MARGIN - 90 * place for place in reversed(range(len(rates)))]
    page.y += LINE
    for x, rate in zip(columns, rates, strict=True):
        page.text(rate.removeprefix("at "), x=x, kind="quiet end")
    for name in RATES:
        page.y += LINE
        page.text(name)
        for x, rate in zip(columns, rates, strict=True):
            figure = result.figure(f"{rate}: {name}, p99")
            page.text(number(figure.median) if figure else "-", x=x, kind="end")
    page.y += LINE
