"""Takes the checkpoints of this repository through every stage: verdict, export, build, deploy, conformance."""
