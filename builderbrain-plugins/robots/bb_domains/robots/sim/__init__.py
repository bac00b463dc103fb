"""The cell in MuJoCo: the same geometry with masses, servos and gravity. Needs the extra `sim`."""
