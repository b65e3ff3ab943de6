"""Tests from outside; a package, or the addon's own tests would take its name."""
