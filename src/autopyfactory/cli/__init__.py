"""``apf``; the composition root: the only place that wires concrete parts together."""


def main() -> None:
    """Run the command line."""
    from autopyfactory.cli.app import app  # here, so that importing the package stays cheap

    app()
