"""Graphics processors, as the kernel shows them; no vendor's tool is needed."""

from typing import Dict, List

from autopyfactory.wrapper.node import Node

VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}


def found_gpus(node: Node) -> List[Dict[str, str]]:
    """Return vendor and model of each; NVIDIA's count only with their driver."""
    found = []
    for name in node.names("/proc/driver/nvidia/gpus"):
        model = node.value("/proc/driver/nvidia/gpus/%s/information" % name, "Model:")
        found.append({"vendor": "NVIDIA", "model": model or "unknown"})
    if not found:
        nodes = [name for name in node.names("/dev") if name.startswith("nvidia") and name[6:].isdigit()]
        found = [{"vendor": "NVIDIA", "model": "unknown"} for _ in nodes]
    for name in node.names("/sys/class/drm"):
        if name.startswith("renderD"):
            vendor = VENDORS.get(node.text("/sys/class/drm/%s/device/vendor" % name).strip(), "")
            if vendor in ("AMD", "Intel"):
                model = node.text("/sys/class/drm/%s/device/product_name" % name).strip()
                found.append({"vendor": vendor, "model": model or "unknown"})
    return found
