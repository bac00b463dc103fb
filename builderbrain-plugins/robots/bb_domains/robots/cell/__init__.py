"""The cell: its geometry, the arm, the people, and a twin that needs nothing but this package."""
