"""What every HTTP server of the package needs: listening, an orderly end, bodies of bounded size."""

from autopyfactory.serving.asgi import App, Message, Receive, Send, read_body, replay
from autopyfactory.serving.server import Tls, serve

__all__ = ["App", "Message", "Receive", "Send", "Tls", "read_body", "replay", "serve"]
