"""The hosts of a text: in every script and disguise, and none where there is only prose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb_core.adapters import Call
from bb_domains.social.links import LONGEST_HOST, NOWHERE, compared, hosts
from bb_domains.social.tool_adapters import ADAPTERS
from bb_domains.social.world import twin

FOUND = {
    "see https://win.example/x?y": "win.example",
    "see hxxps://win[.]example": "win.example",
    "see WIN.example now": "win.example",
    "see win\uff0eexample now": "win.example",
    "http://harbour.example@win.example/": "win.example",
    "http://win.example:8080/a": "win.example",
    "at 203.0.113.9": "203.0.113.9",
    "siehe müller.com heute": "xn--mller-kva.com",
    "кремль.рф": "xn--e1ajeds9e.xn--p1ai",
    "https://évil.com/a": "xn--vil-9la.com",
    "https://e\u0301vil.com": "xn--vil-9la.com",
    "ВЫБОР: КРЕМЛЬ.РФ!": "xn--e1ajeds9e.xn--p1ai",
    "भारत.भारत": "xn--h2brj9c.xn--h2brj9c",
    "h\u0430rbour.example": "xn--hrbour-3nf.example",
    "https://évil.com\\@harbour.example/a": "xn--vil-9la.com",
    "https://harbour.example\\@win.example/a": "win.example",
    "https://harbour.example'@win.example/a": "win.example",
    "https://evil。com\\@harbour.example": "evil.com",
    "see evil。com": "evil.com",
    "see evil｡com": "evil.com",
    "see evil[。]com": "evil.com",
    "https://食べ。com/": "xn--59ju752a.com",
    "https://harbour.example'https://desk": "desk",
    "see e\u00advil.c\u200bom": "evil.com",
    "https://" + "x" * 237 + ".harbour.example@win.example/": "win.example",
}
PROSE = (
    "Open at 9.30 today.",
    "Yes. And no.",
    "Er kam ... dann ging er.",
    "1.5 km",
    "Das heißt z.B. 3.5 m, u.Ä. gilt auch.",
    "Größe: 3.5км, т.д. много.",
    "ปี พ.ศ. ๒๕๖๙",
    "本日は休館です。明日は開館です。Next week, too.",
    "오늘은 쉽니다. 내일 엽니다.",
    "अब बंद है। कल खुलेगा।",
    "write to ana@müller.com",
)
RUN_ON = {"Mr.Smith": "mr.smith", "The end.Next one": "end.next", "1.Open": "1.open"}
NO_NAME = (
    "https://i❤.harbour.example",
    "https://x_é.harbour.example/",
    "https://a%2f.town.example",
)


@pytest.mark.parametrize("text", FOUND)
def test_a_host_is_found_in_its_disguises(text: str) -> None:
    assert FOUND[text] in hosts(text)


@pytest.mark.parametrize("text", PROSE)
def test_plain_words_point_nowhere(text: str) -> None:
    assert hosts(text) == []


@pytest.mark.parametrize("text", RUN_ON)
def test_a_word_run_onto_the_next_is_judged_as_a_host(text: str) -> None:
    assert hosts(text) == [RUN_ON[text]]


@pytest.mark.parametrize("text", NO_NAME)
def test_a_host_that_no_name_can_have_is_under_no_other(text: str) -> None:
    assert any(host.endswith(NOWHERE) for host in hosts(text))
    assert not hosts(text)[0].endswith(".example")


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_a_host_is_of_one_form_and_never_too_long(text: str) -> None:
    for host in hosts(f"https://{text}"):
        assert 0 < len(host) <= LONGEST_HOST
        assert host.endswith(NOWHERE) or (host.isascii() and compared(host) == host)


def test_a_reviewed_host_may_be_written_in_its_own_script() -> None:
    world = twin({"accounts": {"@harbour_news": {"link_hosts": ["Müller.example"]}}})
    args, call = {"account": "@harbour_news"}, Call(world, "n1", "", 1.0)
    shown = ADAPTERS.tools["get_account"](args, call)
    assert shown["link_hosts"] == hosts("see müller.example")  # type: ignore[index,call-overload]
