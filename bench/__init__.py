"""Measurements: how fast the parts are that mass work hangs on, as ratios against a floor of the same run."""
