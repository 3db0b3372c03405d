"""Addresses of the evaluations."""

from django.urls import path

# Makes sure that the `reference` converter is known, whatever is imported first.
import decisions.urls  # noqa: F401
from evaluations.views import (
    case_sets,
    comparisons,
    corpora,
    evidence,
    imports,
    ratings,
    results,
    runs,
    specs,
)

app_name = "evaluations"
urlpatterns = [
    path("case-sets/", case_sets.case_sets, name="case_sets"),
    path("case-sets/new/", case_sets.new_case_set, name="new_case_set"),
    path("case-sets/new/<str:token>/", case_sets.map_case_set, name="map_case_set"),
    path("case-sets/<slug:slug>/", case_sets.case_set, name="case_set"),
    path("case-sets/<slug:slug>/probe/", case_sets.probe, name="probe"),
    path("case-sets/<slug:slug>/readers/", case_sets.readers, name="case_set_readers"),
    path("corpora/", corpora.corpora, name="corpora"),
    path("corpora/new/", corpora.new_corpus, name="new_corpus"),
    path("corpora/new/<str:token>/", corpora.preview_corpus, name="preview_corpus"),
    path("corpora/<slug:slug>/", corpora.corpus, name="corpus"),
    path("corpora/<slug:slug>/readers/", corpora.readers, name="corpus_readers"),
    path("imports/<int:pk>/", imports.import_, name="import"),
    path("imports/<int:pk>/cancel/", imports.cancel, name="cancel_import"),
    path("decisions/<reference:reference>/runs/", runs.runs, name="runs"),
    path(
        "decisions/<reference:reference>/results/",
        results.bring_results,
        name="bring_results",
    ),
    path(
        "decisions/<reference:reference>/results/<int:pk>/",
        results.choose_results,
        name="choose_results",
    ),
    path("decisions/<reference:reference>/evidence/add/", evidence.add, name="add_evidence"),
    path(
        "decisions/<reference:reference>/evidence/add/load-test/",
        evidence.load_test,
        name="load_test",
    ),
    path(
        "decisions/<reference:reference>/evidence/add/load-test/<str:token>/",
        evidence.check_load_test,
        name="check_load_test",
    ),
    path(
        "decisions/<reference:reference>/evidence/add/study/<slug:what>/",
        evidence.study,
        name="study",
    ),
    path(
        "decisions/<reference:reference>/evidence/add/estimate/",
        evidence.estimate,
        name="estimate",
    ),
    path("decisions/<reference:reference>/candidates/<slug:letter>/spec/", specs.spec, name="spec"),
    path("decisions/<reference:reference>/ratings/", ratings.ratings, name="ratings"),
    path("ratings/<int:pk>/", ratings.rating, name="rating"),
    path("ratings/<int:pk>/rate/", ratings.rate, name="rate"),
    path("ratings/<int:pk>/judge/", ratings.judge, name="judge_rating"),
    path("ratings/<int:pk>/<slug:key>/", ratings.end_rating, name="end_rating"),
    path("runs/compare/", comparisons.compare, name="compare"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/budget/", runs.budget, name="run_budget"),
    path("runs/<int:pk>/figures/<slug:name>.svg", runs.figure, name="run_figure"),
    path("runs/<int:pk>/<slug:key>/", runs.move, name="move_run"),
]
