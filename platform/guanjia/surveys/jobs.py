"""What time alone brings about in surveys: where a collector stood is forgotten."""

from guanjia.people.points import forget_points

forget_points("survey.forget_points", "清除保存期满的入户位置", "survey_answers", "answered_at")
