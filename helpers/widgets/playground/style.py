"""The playground's colours and style sheet, and the names that a screen reader hears.

Every colour is a custom property with a value for light and one for dark themes.  Type stands on the page, not inside
a scaled picture, so that it keeps its size.
"""

from __future__ import annotations

from helpers.lab import figures

from .setting import CONTROL, Kind

DASHES = {"none": "2 3", "none, He": "7 4", "batch": "", "layer": "12 3", "group": "9 3 2 3"}
"""Each net's dashes as SVG has them, "" for a solid line."""

LIGHT = {"none": "#6b6b6b", "none, He": "#111111", "batch": "#0072b2", "layer": "#b84f00", "group": "#007a58"}
DARK = {"none": "#a3abb4", "none, He": "#f2f4f6", "batch": "#5bb6f0", "layer": "#ff9d57", "group": "#56cf9a"}
"""The colours of the course's figures, so light or dark that text in them has a contrast of 4.5 and more."""


def look_of(kind: Kind) -> str:
    """A net's key in the tables of looks.

    >>> look_of(("none", "he")), look_of(("batch", "he"))
    ('none, He', 'batch')
    """
    return "none, He" if kind == CONTROL else kind[0]


def net(kind: Kind) -> str:
    """The class of a net's marks."""
    return f"bn-n-{list(LIGHT).index(look_of(kind))}"


def colour(kind: Kind) -> str:
    """A net's colour in a still figure."""
    return figures.COLOURS[look_of(kind)]


def _properties(colours: dict[str, str]) -> str:
    return "".join(f"--bn-{i}:{value};" for i, value in enumerate(colours.values()))


def _nets() -> str:
    rules = []
    for i, key in enumerate(LIGHT):
        dash = f"stroke-dasharray:{DASHES[key]}" if DASHES[key] else ""
        rules.append(f".bn-n-{i}{{--net:var(--bn-{i})}}.bn-n-{i}.bn-line{{{dash}}}")
    return "".join(rules)


_DARK_THEMES = ('body[data-jp-theme-light="false"]', ".vscode-dark", 'html[theme="dark"]')

STYLE = (
    f".bn-playground{{{_properties(LIGHT)}--bn-ground:var(--jp-layout-color0,#fff);--bn-mute:#59636e;--bn-focus:#0068a8;"
    "--bn-grid:rgba(127,127,127,.28);--bn-axis:rgba(127,127,127,.8)}"
    + ",".join(f"{theme} .bn-playground" for theme in _DARK_THEMES)
    + f"{{{_properties(DARK)}--bn-ground:var(--jp-layout-color0,#111418);--bn-mute:#a4afba;--bn-focus:#5bb6f0}}"
    + _nets()
    + """
.bn-playground{font-size:14px;line-height:1.35;max-width:1280px;border:1px solid var(--bn-grid);border-radius:8px;
padding:8px 12px;box-sizing:border-box;container-type:inline-size}
.bn-playground,.bn-playground .widget-box{overflow:visible}
.bn-playground .widget-html,.bn-playground .widget-html-content{line-height:1.35;font-size:inherit;height:auto;
min-height:0;overflow:visible}
.bn-playground .widget-html>.widget-html-content{flex:1 1 auto;align-self:stretch;min-width:0}
.bn-playground .bn-top{display:grid;grid-template-columns:248px minmax(270px,1fr) 232px;align-items:start;gap:4px 12px}
@container (max-width:770px){.bn-playground .bn-top{grid-template-columns:248px 1fr}
.bn-playground .bn-curves{grid-area:1/2/3/3}.bn-playground .bn-top .bn-chart{flex-basis:100%}}
@container (max-width:500px){.bn-playground .bn-top{grid-template-columns:1fr}
.bn-playground .bn-curves{grid-area:auto}}
.bn-playground .bn-say{min-height:84px;margin-top:4px}
.bn-hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.bn-say .bn-first{font-size:18px;line-height:1.25;font-weight:600}
.bn-mute{color:var(--bn-mute);font-size:12px}
.bn-net{color:var(--net)}
.bn-playground .bn-field{margin:0;padding:0}
.bn-field .bn-name{font-size:13px;font-weight:600;display:block;padding-left:8px}
.bn-playground .bn-field .widget-slider,.bn-playground .bn-step{width:auto;margin:0;height:26px;flex:1 1 auto}
.bn-playground .bn-field .widget-html{margin:0}
.bn-playground .widget-readout{min-width:40px;width:40px;font-size:14px;border-bottom:1px dotted var(--bn-mute)}
.bn-ticks{position:relative;height:15px;margin:-3px 58px 2px 17px;font-size:12px;color:var(--bn-mute)}
.bn-ticks span{position:absolute;transform:translateX(-50%);white-space:nowrap}
.bn-playground .noUi-handle{border:2px solid var(--bn-mute)}
.bn-playground .noUi-handle:focus,.bn-playground button:focus-visible,.bn-playground select:focus-visible,
.bn-playground input:focus-visible,.bn-playground summary:focus-visible,.bn-playground .widget-readout:focus{
outline:2px solid var(--bn-focus)!important;outline-offset:1px}
.bn-playground .bn-tools{align-items:center;justify-content:space-between}
.bn-playground .bn-settings,.bn-playground .bn-guesses{flex-flow:row wrap;align-items:center}
.bn-playground .bn-guesses button{width:auto;margin:2px;padding:0 7px;font-size:13px}
.bn-legend{display:flex;flex-wrap:wrap;gap:0 14px;font-size:12px;min-height:17px}
.bn-legend svg{display:inline-block;vertical-align:3px;margin-right:5px;overflow:visible}
.bn-line{fill:none;stroke:var(--net);stroke-width:2;vector-effect:non-scaling-stroke}
.bn-two{display:flex;flex-wrap:wrap;gap:2px 14px}
.bn-chart{flex:1 1 130px;min-width:0;font-size:12px}
.bn-chart .bn-title .bn-mute{font-weight:400}
.bn-chart .bn-title{margin:2px 0 5px;font-size:12px;font-weight:600;line-height:1.25;color:inherit}
.bn-plot{position:relative;margin:0 6px 0 38px}
.bn-playground .bn-plot>svg{position:absolute;left:0;top:0;width:100%;height:100%;overflow:visible;display:block}
.bn-playground .bn-map{max-width:none}
.bn-plot span{position:absolute;white-space:nowrap;line-height:1;color:var(--bn-mute)}
.bn-plot .bn-y{right:100%;padding-right:6px;transform:translateY(-50%)}
.bn-plot .bn-x{top:100%;padding-top:4px;transform:translateX(-50%)}
.bn-plot .bn-end{color:var(--net);font-size:14px;font-weight:700;transform:translate(-50%,-50%)}
.bn-plot .bn-note{top:42%;left:0;right:0;text-align:center}
.bn-below{height:17px;font-size:12px;color:var(--bn-mute);text-align:center;padding-left:38px;line-height:1}
.bn-grid{stroke:var(--bn-grid);fill:none;vector-effect:non-scaling-stroke}
.bn-axis{stroke:var(--bn-axis);fill:none;vector-effect:non-scaling-stroke}
.bn-now{stroke:currentColor;stroke-opacity:.6;stroke-width:1;fill:none;vector-effect:non-scaling-stroke}
.bn-shape{fill:var(--net);fill-opacity:.5;stroke:var(--net);stroke-width:1;vector-effect:non-scaling-stroke}
.bn-points{fill:none;stroke:var(--net);stroke-opacity:.6;stroke-width:6;stroke-linecap:round;
vector-effect:non-scaling-stroke}
.bn-map text{font-size:12px;fill:currentColor;font-family:inherit}
.bn-map .bn-mutedtext{fill:var(--bn-mute)}
.bn-map .bn-cell{fill:var(--net,transparent);stroke:var(--bn-grid)}
.bn-map text.bn-on{fill:var(--bn-ground);font-weight:600}
.bn-map .bn-halo{stroke:var(--bn-ground);stroke-width:6;fill:none}
.bn-map .bn-here{stroke:currentColor;stroke-width:2.5;fill:none}
.bn-map .bn-hatch{stroke:var(--bn-grid);fill:none}
.bn-map .bn-dot{stroke:var(--bn-ground);stroke-width:1.5;fill:var(--net,var(--bn-ground))}
.bn-map .bn-same{stroke:currentColor;stroke-width:1.5;fill:var(--bn-ground)}
.bn-playground details{font-size:12px}
.bn-playground summary{cursor:pointer;display:list-item}
.bn-words p{margin:2px 0;font-size:13px}
.bn-words table{border-collapse:collapse;font-size:12px;font-variant-numeric:tabular-nums;margin:4px 0}
.bn-words th,.bn-words td{text-align:right!important;padding:1px 0 1px 14px!important;background:none!important}
.bn-words th:first-child{text-align:left!important;padding-left:0!important}
.bn-playground .bn-inside{border-top:1px solid var(--bn-grid);margin-top:6px;padding-top:4px}
.bn-playground .bn-inside-head{display:flex;flex-flow:row wrap;align-items:center;gap:0 8px}
.bn-playground .bn-look{width:262px}
.bn-playground .bn-scrub{flex:1 1 260px;display:grid;grid-template-columns:auto 1fr;align-items:center}
.bn-playground .bn-scrub>:last-child{grid-column:2}
.bn-playground .bn-scrub .bn-name{padding:0 12px 0 0}
.bn-nw{white-space:nowrap}
.bn-foot{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:12px}
.bn-playground .bn-play{width:auto}
.bn-playground .bn-play button{width:30px;padding:0}
"""
).replace("\n", "")

NAMES = """
(() => {
  const once = (el, name, value) => { if (el && el.getAttribute(name) !== value) el.setAttribute(name, value) };
  const label = () => document.querySelectorAll('.bn-playground').forEach(root => {
    root.querySelectorAll('.bn-field').forEach(field => {
      const text = field.querySelector('.bn-name')?.textContent, typed = field.querySelector('.widget-readout');
      once(typed, 'role', 'textbox');
      once(typed, 'aria-label', text + ', type a number');
      const handle = field.querySelector('[role=slider]');
      once(handle, 'aria-label', text);
      once(handle, 'data-lm-suppress-shortcuts', 'true');
      if (!handle || !typed || handle.bnHeard) return;
      handle.bnHeard = true;
      const say = () => once(handle, 'aria-valuetext', typed.textContent);
      new MutationObserver(say).observe(typed, {childList: true, characterData: true, subtree: true});
      new MutationObserver(say).observe(handle, {attributes: true, attributeFilter: ['aria-valuetext']});
      say();
    });
    once(root.querySelector('.bn-say .widget-html-content'), 'role', 'status');
    root.querySelectorAll('.bn-play button').forEach((button, i) =>
      once(button, 'aria-label', ['play or pause the run', 'back to step 1', 'repeat'][i]));
  });
  label();
  [50, 200, 1000, 4000].forEach(later => setTimeout(label, later));
})()
""".replace("\n", " ").replace('"', "'")
"""Where a front end runs it: sliders and buttons get accessible names, the headline becomes a live region, and the
arrow keys stay in a slider.  ipywidgets has no trait for these attributes; without them everything else is the same."""


def style_element() -> str:
    """The style sheet as an element, and an image that cannot be loaded, whose handler gives the names."""
    return f'<style>{STYLE}</style><img src="" alt="" hidden onerror="{NAMES}">'
