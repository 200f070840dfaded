"""The closed grammar of home and device commands that the sample checkpoints know.

A closed grammar is what lets a model of a few megabytes, trained for minutes on two CPU cores, be right almost always:
the sample has to prove a pipeline, so its own mistakes must not hide the pipeline's.
"""

import random
import re
from collections.abc import Iterator, Mapping

#: Left-hand side -> alternatives. ``{name}`` is another rule, ``[...]`` is left out half of the time.
RULES: dict[str, list[str]] = {
    "command": [
        "[please] {lights}",
        "[please] {climate}",
        "[please] {openings}",
        "[please] {clock}",
        "[please] {media}",
        "[please] {appliance}",
        "[please] {phone}",
        "{question}",
        "{question}",
        "[please] {reminder}",
    ],
    "lights": [
        "{turn} {on_off} the {room} {lamp}",
        "{turn} the {room} {lamp} {on_off}",
        "{turn} {on_off} all the lights [in the {room}]",
        "dim the {room} {lamp} to {number} percent",
        "set the {room} lights to {colour}",
        "make the {room} lights {colour}",
    ],
    "climate": [
        "set the {heater} [in the {room}] to {number} degrees",
        "turn {up_down} the {heater} [in the {room}]",
        "turn the {heater} {up_down} by {small} degrees",
        "make the {room} {warmer}",
    ],
    "openings": [
        "{open_close} the {room} {opening}",
        "{open_close} all the {openings_all}",
        "{lock} the {side} door",
        "{open_close} the {room} {opening} at {time}",
    ],
    "clock": [
        "set an alarm for {time} [on {day}]",
        "wake me up at {time} [on {day}]",
        "set a timer for {small} minutes [and {number} seconds]",
        "set a timer for {number} minutes",
        "set a timer for {small} hours",
        "cancel the {clock_thing}",
        "cancel the alarm for {time}",
        "add {small} minutes to the timer",
    ],
    "media": [
        "play some {genre} music [in the {room}]",
        "{media_verb} the music",
        "play the {next} song [again]",
        "skip this song",
        "turn {up_down} the volume",
        "set the volume to {number} [percent]",
        "change to channel {number}",
        "{turn} {on_off} the {screen} [in the {room}]",
    ],
    "appliance": [
        "{start_stop} the {machine}",
        "{start_stop} the {machine} at {time}",
        "{start_stop} the {machine} in {small} {minutes_hours}",
    ],
    "phone": [
        "call {person} [at {time}]",
        "send a message to {person}",
        "read the last message from {person}",
        "dial {digit} {digit} {digit} {digit}",
        "dial {digit} {digit} {digit} {digit} {digit} {digit}",
        "answer the phone",
        "share my location with {person}",
    ],
    "question": [
        "what is the weather [in {city}] {when}",
        "what is the temperature in the {room}",
        "what time is it [in {city}]",
        "is the {side} door locked",
        "how warm is the {room}",
        "when is the next train to {city}",
        "who is at the {side} door",
    ],
    "reminder": [
        "remind me to {task} {when}",
        "remind me to {task} at {time}",
        "remind me to {task} on {day} [at {time}]",
        "add {food} to the shopping list",
        "add {small} bottles of {drink} to the shopping list",
        "remove {food} from the shopping list",
    ],
    "turn": ["turn", "switch"],
    "on_off": ["on", "off"],
    "up_down": ["up", "down"],
    "lamp": ["lights", "lights", "lamp"],
    "room": ["kitchen", "bedroom", "bathroom", "living room", "garage", "office", "hallway", "garden", "basement"],
    "colour": ["red", "green", "blue", "yellow", "purple", "orange", "white"],
    "heater": ["heating", "thermostat", "air conditioner"],
    "warmer": ["warmer", "cooler", "brighter", "darker"],
    "open_close": ["open", "close"],
    "opening": ["window", "blinds", "curtains", "door"],
    "openings_all": ["windows", "blinds", "curtains", "doors"],
    "lock": ["lock", "unlock"],
    "side": ["front", "back", "garage"],
    "clock_thing": ["alarm", "timer", "reminder"],
    "genre": ["jazz", "rock", "classical", "dance", "country"],
    "media_verb": ["pause", "stop", "resume"],
    "next": ["next", "previous", "first", "last"],
    "screen": ["television", "radio", "projector", "camera"],
    "start_stop": ["start", "stop"],
    "machine": ["washing machine", "dishwasher", "vacuum cleaner", "coffee machine", "oven", "fan", "sprinkler"],
    "minutes_hours": ["minutes", "hours"],
    "person": ["anna", "peter", "maria", "david", "sophie", "doctor miller", "grandmother", "the neighbor"],
    "city": ["london", "paris", "berlin", "boston", "chicago", "madrid"],
    "when": ["today", "tomorrow", "tonight", "this weekend"],
    "day": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    "task": [
        "water the plants",
        "feed the cat",
        "buy {food}",
        "call {person}",
        "clean the {room}",
        "take the medicine",
        "pay the rent",
    ],
    "food": ["bread", "butter", "cheese", "apples", "potatoes", "tomatoes", "rice", "sugar"],
    "drink": ["milk", "water", "juice", "lemonade"],
    "time": [
        "{hour} o'clock",
        "{hour} {quarter}",
        "{hour} {quarter}",
        "half past {hour}",
        "quarter past {hour}",
        "quarter to {hour}",
        "{hour} in the {daytime}",
        "noon",
        "midnight",
    ],
    "hour": ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
    "quarter": ["fifteen", "thirty", "forty five", "ten", "twenty", "fifty"],
    "daytime": ["morning", "afternoon", "evening"],
    "digit": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "small": ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "fifteen", "twenty"],
    "teen": [
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ],
    "tens": ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
    "number": ["{teen}", "{tens}", "{tens}", "{tens} {unit}", "{tens} {unit}"],
    "unit": ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
}

_TOKEN = re.compile(r"\{(\w+)\}|\[([^\]]*)\]")


def seeded(seed: int | str) -> random.Random:
    """The generator that every draw of text, voice and disturbance comes from."""
    return random.Random(seed)  # noqa: S311 - repeatable on purpose


def expand(template: str, rng: random.Random, rules: Mapping[str, list[str]]) -> str:
    """Fills in a template of `rules` at random; the form of a template stands at `RULES`."""

    def replace(match: re.Match[str]) -> str:
        rule, optional = match.groups()
        if rule:
            return expand(rng.choice(rules[rule]), rng, rules)
        return expand(optional, rng, rules) if rng.random() < 0.5 else ""

    return _TOKEN.sub(replace, template)


def sentence(rng: random.Random) -> str:
    """One random command, lower case, words separated by single spaces."""
    return " ".join(expand("{command}", rng, RULES).split())


def sentences(rng: random.Random, exclude: frozenset[str] = frozenset()) -> Iterator[str]:
    """Random commands without end, no sentence twice, none of ``exclude``."""
    seen = set(exclude)
    while True:
        text = sentence(rng)
        if text not in seen:
            seen.add(text)
            yield text


def words() -> list[str]:
    """Every word of the grammar, sorted."""
    plain = (
        _TOKEN.sub(lambda m: m.group(2) or " ", template) for templates in RULES.values() for template in templates
    )
    found = {word for text in plain for word in re.sub(r"\{\w+\}", " ", text).split()}
    return sorted(found)
