"""The matching engine: arrays and thresholds in, frozen dataclasses out; no Django, no I/O."""
