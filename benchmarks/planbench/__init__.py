"""PlanBench: STRIPS worlds as plan schemas, judged by our own typestate."""
