"""Words as transcripts are compared by them."""

from pipelines.words import words_of


def test_case_and_punctuation_are_no_words() -> None:
    """A server that punctuates is as right as one that does not; an apostrophe belongs to its word."""
    assert words_of("It's seven o'clock, Anna — wake_up!") == ["it's", "seven", "o'clock", "anna", "wake", "up"]


def test_marks_belong_to_their_letters() -> None:
    """Hindi writes vowels as marks, Persian joins without a space: such words stay whole."""
    assert words_of("नमस्ते, दुनिया!") == ["नमस्ते", "दुनिया"]
    assert words_of("می\u200cرسم") == ["میرسم"]
