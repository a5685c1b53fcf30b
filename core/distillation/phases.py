"""The phases of a distillation, as its progress names them."""

from __future__ import annotations

ROLLING_OUT = "1 of 5: the teacher's rollouts"
READING = "2 of 5: the teacher's distributions"
BOTH = "3 of 5: accuracy of teacher and base"
TRAINING = "4 of 5: training"
STUDENT = "5 of 5: accuracy of the student"
