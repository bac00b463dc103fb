"""How clauses are joined and how what stands elsewhere is spoken of. Training sees a part of each.

`{noun}` is an entity's or an argument's name, `{value}` a value's text.
"""

JOINS = (
    " In addition, ",
    " Also, ",
    " Then ",
    " On top of that, ",
    "; and ",
    " Next: ",
    " One more thing: ",
    " And ",
    " Besides, ",
    " Plus: ",
    " After that, ",
    "\n",
    " While you are at it, ",
    " ",
    " Secondly, ",
    " Finally, ",
    "; then ",
    " Furthermore, ",
    " Moreover, ",
    " I also have this: ",
    " What is more: ",
    " Oh, and ",
    "; ",
    " Apart from that, ",
)
SPEAKERS = (
    "the same person",
    "the same account",
    "the same {noun}",
    "the person above",
    "that person",
    "this person",
)
BACK = (
    "the aforementioned {noun}",
    "the same {noun}",
    "that {noun}",
    "the {noun} above",
    "this {noun}",
    "this very {noun}",
    "the {noun} I just mentioned",
    "that same {noun}",
)
AHEAD = (
    "the {noun} named last",
    "the {noun} named below",
    "the {noun} at the end",
    "the {noun} further down",
    "the {noun} I give last",
    "the {noun} that follows",
)
ASIDE = ("(see the end)", "(see below)", "(given below)", "(further down)", "(as below)", "(below)")
CLOSINGS = (
    "For the {noun}, take {value}.",
    "The {noun} I mean is {value}.",
    "{Noun}: {value}.",
    "That {noun} is {value}.",
    "I am talking about {value}.",
    "The {noun} is {value}, by the way.",
    "And the {noun} in question: {value}.",
    "It is {value}, that {noun}.",
)
