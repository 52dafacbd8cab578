"""``apf report``: what a queue, or the whole factory, did over a time."""
