"""A signing policy as a value: read, refused, written out, and said in words."""

from typing import Any

import pytest

from decisions.policy_words import policy_in_words, rule_of_role
from decisions.signing_policy import Order, Quorum, SigningPolicy

ALL_ROLES = ("business", "data_science", "devops", "ux")


def test_what_is_not_said_is_the_mildest_rule_but_the_author_never_signs_alone() -> None:
    policy = SigningPolicy.from_json({"signing_roles": ["ux"]})
    assert policy == SigningPolicy(("ux",))
    assert (policy.order, policy.quorum_of("ux")) == (Order.ANY, Quorum.ANY)
    assert not policy.author_may_sign_alone


def test_a_policy_survives_being_kept() -> None:
    policy = SigningPolicy(
        ("devops", "ux"),
        order=Order.LISTED,
        quorum={"devops": Quorum.ALL, "ux": Quorum.ANY},
        author_may_sign_alone=True,
    )
    assert SigningPolicy.from_json(policy.to_json()) == policy


def test_the_quorum_of_every_role_is_written_out() -> None:
    kept = SigningPolicy(ALL_ROLES, quorum={"ux": Quorum.ALL}).to_json()
    assert kept["quorum"] == dict.fromkeys(ALL_ROLES, "any") | {"ux": "all"}


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"signing_roles": []},
        {"order": "any"},
        {"signing_roles": ["legal"]},
        {"signing_roles": ["ux", "legal"]},
        {"signing_roles": "ux"},
        {"signing_roles": ["owner"]},
        {"signing_roles": ["ux"], "order": "backwards"},
        {"signing_roles": ["ux"], "quorum": {"ux": "most"}},
        {"signing_roles": ["ux"], "quorum": {"ux": 0}},
        {"signing_roles": ["ux"], "quorum": {"legal": "any"}},
        {"signing_roles": ["ux"], "quorum": 1},
        {"signing_roles": ["ux", "ux"]},
        {"signing_roles": ["ux"], "author_may_sign_alone": "false"},
        ["ux"],
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(stored: Any) -> None:
    with pytest.raises(ValueError):
        SigningPolicy.from_json(stored)


def test_in_any_order_no_role_comes_before_another() -> None:
    assert [SigningPolicy(ALL_ROLES).before(role) for role in ALL_ROLES] == [()] * 4


def test_in_the_listed_order_each_role_waits_for_those_above_it() -> None:
    policy = SigningPolicy(("ux", "devops", "business"), order=Order.LISTED)
    assert policy.before("ux") == ()
    assert policy.before("business") == ("ux", "devops")
    assert policy.before("data_science") == (), "who does not have to sign waits for nobody"


def test_a_policy_is_said_in_words() -> None:
    policy = SigningPolicy(("devops", "ux"), order=Order.LISTED, quorum={"devops": Quorum.ALL})
    assert policy_in_words(policy) == [
        "All of DevOps sign.",
        "Any one of UX signs.",
        "In this order: DevOps, UX.",
        "Whoever wrote the recommendation cannot be its only signatory.",
    ]
    assert rule_of_role(policy, "business") == "Business does not have to sign."


def test_a_policy_of_one_role_needs_no_order() -> None:
    policy = SigningPolicy(("ux",), author_may_sign_alone=True)
    assert policy_in_words(policy) == [
        "Any one of UX signs.",
        "Whoever wrote the recommendation may be its only signatory.",
    ]


def test_several_roles_in_any_order_are_said_to_be_so() -> None:
    assert "They sign in any order." in policy_in_words(SigningPolicy(ALL_ROLES))
