"""The text plugin."""

from cms.plugin_base import CMSPluginBase
from cms.plugin_pool import plugin_pool

from site_app.models import Text


@plugin_pool.register_plugin
class TextPlugin(CMSPluginBase):
    """Renders a Text."""

    model = Text
    name = "Text"
    render_template = "text.html"
