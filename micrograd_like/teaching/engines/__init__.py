"""Engines that students write: checked, broken on purpose, and emptied for an assignment."""
