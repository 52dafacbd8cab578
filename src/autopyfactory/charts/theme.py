"""How charts look: colours, letters, lines."""

from dataclasses import dataclass

import altair as alt


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a chart; each means the same in every chart."""

    paper: str
    ink: str
    faint: str
    grid: str
    ready: str
    pending: str
    running: str
    submitted: str
    ended: str
    worked: str
    empty: str
    failed: str
    removed: str
    lost: str
    never_ran: str
    times: str


LIGHT = Theme(
    paper="#ffffff",
    ink="#1f2933",
    faint="#5f6c7a",
    grid="#e4e8ec",
    ready="#d18a16",
    pending="#b8643c",
    running="#2f6f9f",
    submitted="#4c9a78",
    ended="#8a94a0",
    worked="#4c9a78",
    empty="#e3c983",
    failed="#c0504d",
    removed="#a9b3bd",
    lost="#7a5c9e",
    never_ran="#5f6c7a",
    times="#6f9cc0",
)
DARK = Theme(
    paper="#15191e",
    ink="#e6eaee",
    faint="#9aa6b2",
    grid="#2b323a",
    ready="#e8b04a",
    pending="#d98a62",
    running="#6aaede",
    submitted="#6cc09a",
    ended="#7c8794",
    worked="#5aa884",
    empty="#cdb26a",
    failed="#d9706c",
    removed="#6b7681",
    lost="#a184c4",
    never_ran="#9aa6b2",
    times="#5d8fb8",
)


def theme_of(*, dark: bool) -> Theme:
    """Return the light theme or the dark one."""
    return DARK if dark else LIGHT


def configuration(theme: Theme) -> alt.Config:
    """Return what all charts of a theme have in common."""
    return alt.Config(
        background=theme.paper,
        font="system-ui, sans-serif",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            domainColor=theme.grid,
            gridColor=theme.grid,
            tickColor=theme.grid,
            labelColor=theme.faint,
            labelFontSize=11,
            titleColor=theme.faint,
            titleFontSize=12,
            titleFontWeight="normal",
        ),
        axisLeft=alt.AxisConfig(minExtent=30),  # charts below one another begin at the same place
        legend=alt.LegendConfig(
            columns=alt.ExprRef(expr="width < 400 ? 2 : width < 560 ? 3 : 6"),
            labelColor=theme.ink,
            labelFontSize=12,
            offset=10,
            orient="top",
            symbolStrokeWidth=3,
            title=None,
        ),
        title=alt.TitleConfig(
            anchor="start",
            color=theme.ink,
            fontSize=15,
            fontWeight=600,
            subtitleColor=theme.faint,
            subtitleFontSize=12,
            offset=10,
        ),
    )
