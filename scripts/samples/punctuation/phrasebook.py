"""Everyday English for the punctuation sample: sentences with their punctuation and capitals, from a grammar.

Every text is written as it should come out; what a model sees is the same text in lower case without marks (`spoken`).
The commands of the speech recognition samples are among the sentences, so that both samples can be used together.
What only evaluation uses stands apart: `HELD_OUT_SENTENCES`, `HELD_OUT_WORDS`.
"""

import random
import re
from collections.abc import Mapping

from scripts.samples import grammar
from scripts.samples.punctuation.invented import invented_words

MARKS = ",.?"

_CAPITALS = ("person", "city", "day")  # rules of the commands whose words are names
_COMMON_NOUNS = ("grandmother", "the neighbor")

#: The grammar of commands, with capitals in its names.
COMMANDS = {
    **grammar.RULES,
    **{
        rule: [words if words in _COMMON_NOUNS else words.title() for words in grammar.RULES[rule]]
        for rule in _CAPITALS
    },
}

SENTENCES = [
    # statements
    "{who} {went} to {place} {past}.",
    "{who} {went} to {city} with {someone} {past}.",
    "{subject} {likes} {thing}.",
    "{subject} {likes} {thing} more than {thing}.",
    "{who} lives in {city}.",
    "{who} works for {company} in {city}.",
    "{who} speaks {language} and {language}.",
    "{who} bought {article} {thing_one} from {company}.",
    "I met {someone} at {place} {past}.",
    "I'm waiting for {someone} in front of {place}.",
    "I think {who} is right.",
    "we have {number} {things} and {number} {things}.",
    "{title} {family} will see you at {time}.",
    "{title} {family} teaches {subject_taught} in {city}.",
    "the meeting with {company} starts at {time}.",
    "the {transport} to {city} leaves at {time}.",
    "the {transport} from {city} was late {past}.",
    "my {relative} was born in {month} in {city}.",
    "our office in {city} is closed in {month}.",
    "there is a {adjective} {building} near {street}.",
    "they moved from {city} to {city} in {month}.",
    "it was {weather} in {city} {past}.",
    "{celebration} is my favorite holiday.",
    "the {nationality} team won the game {past}.",
    "{who} will {do} the {thing_one} on {day}.",
    "I want to {do} the {things} with {someone}.",
    "most {things} in {city} are {adjective}.",
    "the {thing_one} of {who} is {adjective}.",
    "{city} and {city} are {adjective} cities.",
    "{who} {loves} {thing}, and {who} {loves} {thing}.",
    # fronted phrases
    "{fronted}, {who} {went} to {place}.",
    "{fronted}, we drink {drink} in the {room}.",
    "{fronted}, I call my {relative} in {city}.",
    "{fronted}, the {transport} to {city} is full.",
    "{fronted}, {who} {loves} {thing}.",
    "{fronted}, {someone} and {someone} {went} to {city}.",
    "{linker}, {who} did not come to {place}.",
    "{linker}, my {relative} {loves} {thing}.",
    "{linker}, the {building} in {city} is {adjective}.",
    "{linker}, we {do} the {things} on {day}.",
    "{linker}, the {adjective} {building} is closed on {day}.",
    "if it is {weather}, we will stay at {place}.",
    "if {who} calls, please tell me.",
    "when {who} comes home, we will eat dinner.",
    "before you go to {city}, send me a message.",
    "when {who} is in {city}, we drink {drink}.",
    "when the {thing_one} is {adjective}, {who} will {do} it.",
    "if the {transport} is late, I will {do} {thing}.",
    "if {who} {loves} {thing}, please {do} it.",
    # joined clauses
    "{who} {went} to {place}, but {who} stayed at home.",
    "it was {weather}, so we {went} to {place}.",
    "I wanted to call {someone}, but the phone was broken.",
    "the {adjective} {building} was full, so we waited outside.",
    "we know {someone}, and {someone} knows us.",
    "{who} was {adjective}, so {who} {went} home.",
    "the {building} was {adjective}, but {who} {went} to {place}.",
    "I like {city}, but the {things} are {adjective}.",
    # lists
    "we bought {food}, {food}, and {food} {past}.",
    "{someone}, {someone}, and {someone} live on {street}.",
    "I speak {language}, {language}, and a little {language}.",
    "the office is open on {day}, {day}, and {day}.",
    "we visited {city}, {city}, and {city} in {month}.",
    "please bring {food}, {drink}, and {thing} to {place}.",
    "{given}, {given}, and {given} {went} to {place}.",
    "{company}, {company}, and {company} have offices in {city}.",
    "{language}, {language}, and {language} are {adjective} languages.",
    "{food}, {food}, and {drink} are on the table.",
    "the {things}, the {things}, and the {thing_one} were {adjective}.",
    "the {transport} goes to {city}, {city}, and {city}.",
    # answers and names called
    "yes, {who} is at {place}.",
    "no, I don't like {thing}.",
    "no, the {building} is {adjective}.",
    "no, {given} {family} {loves} {thing}.",
    "yes, we {do} {food} and {drink}.",
    "well, that is a {adjective} idea.",
    "sorry, {given}, the {building} is {adjective}.",
    "please {do} the {thing_one}, {given}.",
    "thank you, {given}.",
    "good morning, {given}.",
    "{given}, please close the {opening}.",
    "{given}, the {transport} to {city} is here.",
    "my {relative}, who lives in {city}, works for {company}.",
    "{title} {family}, who speaks {language}, comes from {city}.",
    # greetings
    "hello.",
    "hello, {given}.",
    "hello, {given}, how are you?",
    "how are you?",
    "my name is {given} {family}.",
    "my name is {given}.",
    "what is your name?",
    "it's {time}.",
    "thank you very much.",
    "no, thank you.",
    "yes, please.",
    "goodbye, {given}.",
    # questions
    "where is {place}?",
    "where does {who} live?",
    "when does the {transport} to {city} leave?",
    "what does {who} think about {thing}?",
    "why did {who} go to {city}?",
    "who is {title} {family}?",
    "how many {things} do you have?",
    "how do I get to {street}?",
    "how was the weather in {city}?",
    "do you speak {language}?",
    "do you like {thing}?",
    "did {who} call {someone} {past}?",
    "does {company} have an office in {city}?",
    "is {who} coming to {place} on {day}?",
    "are you going to {city} in {month}?",
    "have you seen my {relative}?",
    "may I ask {who} a question?",
    "why is the {thing_one} so {adjective}?",
    "why are the {things} in the {room} {adjective}?",
    "is the {building} near {street} {adjective}?",
    "are the {things} of {company} {adjective}?",
    "what did {who} {do} {past}?",
    "did your {relative} {do} the {thing_one}?",
    "when did the {transport} from {city} arrive?",
    "when will {who} {do} the {things}?",
    "can you {do} the {thing_one} at {time}?",
    "could you {do} {thing} for {someone}, please?",
    "{given}, did you {do} the {things}?",
    "can you help me, please?",
    "can you tell {someone} that I am at {place}?",
    "could you bring me {article} {thing_one}, please?",
    "will it be {weather} in {city} on {day}?",
    "{given}, can you hear me?",
    "{given}, where are you?",
    "it is {weather} today, isn't it?",
    # commands of the speech recognition samples
    *[f"{command}{'?' if command == '{question}' else '.'}" for command in grammar.RULES["command"] * 3],
]

HELD_OUT_SENTENCES = [
    "{who} found {article} {thing_one} near {place} {past}.",
    "{title} {family} was born in {city}.",
    "the {nationality} office of {company} is on {street}.",
    "I will meet {someone} in {city} on {day}.",
    "{fronted}, my {relative} speaks {language}.",
    "{linker}, {company} is closed in {month}.",
    "when it is {weather}, {who} stays at home.",
    "if {who} comes on {day}, I will cook dinner.",
    "{who} wanted to see {city}, but the {transport} was full.",
    "the {transport} was late, so {who} called {someone}.",
    "they sell {food}, {food}, and {drink} on {street}.",
    "{city}, {city}, and {city} are {adjective} places.",
    "no, {title} {family} works for {company}.",
    "good evening, {given}.",
    "my {relative}, who speaks {language}, was born in {month}.",
    "when did {who} go to {place}?",
    "why is the {building} on {street} closed?",
    "what did you buy in {city}?",
    "is {drink} better than {drink}?",
    "did your {relative} work for {company}?",
    "can you call {someone} at {time}, please?",
    "{given}, do you know {someone}?",
]

SHARED = {
    **COMMANDS,
    "who": ["{given}", "{given}", "{given} {family}", "{title} {family}", "my {relative}"],
    "someone": ["{given}", "{given}", "{given} {family}", "{title} {family}", "{given} and {given}", "your {relative}"],
    "subject": ["I really", "we all", "they both", "you also", "most people"],
    "likes": ["like", "love", "need", "want", "remember"],
    "loves": ["likes", "loves", "needs", "wants", "remembers"],
    "do": ["buy", "read", "clean", "paint", "watch", "carry", "move", "bring"],
    "went": ["went", "drove", "walked", "traveled", "returned"],
    "title": ["Doctor", "Professor", "Captain", "Aunt", "Uncle"],
    "relative": ["brother", "sister", "mother", "father", "cousin", "neighbor", "friend", "boss"],
    "past": ["yesterday", "last week", "on {day}", "in {month}", "two days ago", "this morning"],
    "fronted": [
        "in the morning", "after lunch", "last night", "every evening", "at the weekend", "before breakfast",
        "a year ago", "during the summer",
    ],
    "linker": ["however", "of course", "unfortunately", "by the way", "for example", "in fact"],
    "place": [
        "the station", "the airport", "the library", "the market", "the museum", "the park", "school",
        "the {adjective} {building}", "{street}", "the office of {company}",
    ],
    "street": ["{family} Street", "{family} Road", "{given} Square", "Main Street", "Park Avenue", "Lake {family}"],
    "building": ["house", "hotel", "restaurant", "bridge", "church", "hospital", "theater", "shop"],
    "adjective": ["old", "new", "small", "beautiful", "quiet", "famous", "expensive", "strange"],
    "thing": [
        "music", "{food}", "{drink}", "{genre} music", "{nationality} food", "good books", "long walks", "football",
    ],
    "article": ["the", "a"],
    "thing_one": ["book", "car", "phone", "picture", "table", "jacket", "map", "bottle of {drink}"],
    "things": ["children", "books", "tickets", "rooms", "windows", "dogs", "questions", "meetings"],
    "transport": ["train", "bus", "plane", "ship"],
    "weather": ["cold", "warm", "sunny", "dark", "windy", "very hot"],
    "subject_taught": ["history", "music", "mathematics", "{language}"],
    "language": ["English", "German", "French", "Spanish", "Italian", "Japanese", "Polish", "Dutch"],
    "nationality": ["English", "German", "French", "Spanish", "Italian", "Japanese", "Polish", "Dutch"],
    "month": [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ],
    "celebration": ["Christmas", "Easter", "Thanksgiving", "New Year"],
    "company": ["{family} Systems", "{family} Bank", "{family} Motors", "{city} Airlines", "{given} Books"],
}  # fmt: skip

WORDS = {
    "given": [
        "Anna", "Peter", "Maria", "David", "Sophie", "James", "Linda", "Robert", "Susan", "Michael", "Laura", "Thomas",
        "Emma", "Daniel", "Julia", "Martin", "Helen", "George", "Alice", "Frank",
    ],
    "family": [
        "Miller", "Smith", "Johnson", "Brown", "Taylor", "Wilson", "Clark", "Harris", "Walker", "Young", "Baker",
        "Cooper", "Murphy", "Fischer", "Novak", "Rossi",
    ],
    "city": [
        *COMMANDS["city"], "Rome", "Vienna", "Tokyo", "Dublin", "Oslo", "Lisbon", "Toronto", "Sydney", "New York",
        "San Diego", "Cairo", "Warsaw",
    ],
}  # fmt: skip

HELD_OUT_WORDS = {
    "given": ["Oliver", "Hannah", "Victor", "Clara", "Simon", "Nadia", "Edward", "Irene", "Philip", "Monica"],
    "family": ["Anderson", "Schmidt", "Parker", "Nelson", "Fletcher", "Romano", "Kowalski", "Bennett"],
    "city": ["Hamburg", "Seattle", "Prague", "Helsinki", "Geneva", "Denver", "Bristol", "Naples"],
}


def sentence(rng: random.Random, rules: Mapping[str, list[str]]) -> str:
    """One random sentence as it should be written."""
    written = " ".join(grammar.expand("{sentence}", rng, rules).split())
    written = re.sub(f" ([{re.escape(MARKS)}])", r"\1", written)  # what stood before the mark was left out
    return written[0].upper() + written[1:]


def spoken(written: str) -> str:
    """The same words as a recogniser gives them: lower case, no marks."""
    return re.sub(f"[{re.escape(MARKS)}]", "", written).lower()


_INVENTED = 2000  # words of each kind

#: Kinds of words of which training sees invented ones as well: their share, and how they end. Were only names unknown,
#: every unknown word would be taken for a name.
_MIXED = {
    "given": (0.5, ""),
    "family": (0.5, ""),
    "city": (0.5, ""),
    "adjective": (0.3, ""),
    "thing_one": (0.3, ""),
    "things": (0.3, "s"),
    "building": (0.3, ""),
    "went": (0.3, "ed"),
    "loves": (0.3, "s"),
    "do": (0.3, ""),
}


def _with_invented() -> dict[str, list[str]]:
    """The rules of `_MIXED`, with each known word so often that the shares come out."""
    rng = grammar.seeded("invented words")
    known = {**SHARED, **WORDS}
    entries = [entry for rules in (known, HELD_OUT_WORDS) for entries in rules.values() for entry in entries]
    taken = {word for entry in (*entries, *SENTENCES, *HELD_OUT_SENTENCES) for word in spoken(entry).split()}
    mixed = {}
    for kind, (share, ending) in _MIXED.items():
        words = [word + ending for word in invented_words(_INVENTED, rng, taken)]
        repeated = round(_INVENTED * (1 - share) / share / len(known[kind])) * known[kind]
        mixed[kind] = [*repeated, *(word.capitalize() if kind in WORDS else word for word in words)]
    return mixed


#: What training draws from.
TRAINING: dict[str, list[str]] = {**SHARED, **_with_invented(), "sentence": SENTENCES}

#: What evaluation draws from, by what of it training never sees.
EVALUATION: dict[str, dict[str, list[str]]] = {
    "sentences": {**SHARED, **WORDS, "sentence": SENTENCES},
    "names": {**SHARED, **HELD_OUT_WORDS, "sentence": SENTENCES},
    "templates": {**SHARED, **WORDS, "sentence": HELD_OUT_SENTENCES},
}
