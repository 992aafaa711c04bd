"""What the words of a reference say: authors, the label of a study, keys by which two references are the same.

Chinese names arrive in three shapes: 曹松; Cao Song; and, with the given name first, Song C. A family name that cannot
be told from a given one is asked about, never guessed silently.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from string import ascii_lowercase
from typing import Final, Literal

Order = Literal["family first", "given first", "unknown"]

_SURNAME_WORDS: Final = (
    "ai an ao ba bai ban bao bei bi bian bo bu cai cao cen chai chang che chen cheng chi chu chong cui dai dang deng "
    "di diao ding dong dou du duan fan fang fei feng fu gan gao ge geng gong gou gu guan guo gui han hang hao he heng "
    "hong hou hu hua huang huo ji jia jian jiang jiao jie jin jing ju kan kang ke kong kou kuang lai lan lang lao lei "
    "leng li lian liang liao lin ling liu long lou lu luo lv lyu ma mai man mao mei meng mi miao min ming mo mou mu na "
    "nan ni nie ning niu nong ou pan pang pei peng piao pu qi qian qiang qiao qin qiu qu quan ran rao ren rong ru ruan "
    "sang sha shan shang shao she shen sheng shi shu shui si song su sui sun tan tang tao teng tian tong tu wan wang "
    "wei wen weng wu xi xia xian xiang xiao xie xin xing xiong xu xuan xue yan yang yao ye yi yin ying you yu yuan yue "
    "yun zang zeng zha zhai zhan zhang zhao zhen zheng zhong zhou zhu zhuang zhuo zong zou zu zuo "
    "ouyang sima shangguan situ zhuge xiahou huangfu dongfang"
)
_SURNAMES: Final = frozenset(_SURNAME_WORDS.split())
"""Family names of Mandarin in Latin letters."""
_COMPOUND: Final = (
    "欧阳",
    "歐陽",
    "司马",
    "上官",
    "诸葛",
    "东方",
    "皇甫",
    "尉迟",
    "公孙",
    "慕容",
    "令狐",
    "夏侯",
    "司徒",
)
_SYLLABLE: Final = (
    "(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?"
    "(?:iang|iong|uang|uai|uan|ang|eng|ian|iao|ing|ong|ai|an|ao|ei|en|er|ia|ie|in|iu|ou|ua|ue|ui|un|uo|ve|[aeiouv])"
)
_TWO_SYLLABLES: Final = re.compile(f"{_SYLLABLE}'?{_SYLLABLE}")
_HAN: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_INITIALS: Final = re.compile(r"^[A-Z](?:[.\s-]*[A-Z]){0,3}\.?$")
_ET_AL: Final = re.compile(r"[\s,;]*(?:\bet\.? al\b\.?|\band others\b|等人?)\.?\s*$", re.IGNORECASE)
_YEAR_AT_END: Final = re.compile(r"[\s,(]*((?:19|20)\d\d)\s*([a-z]?)\)?\s*$")
_DOI: Final = re.compile(r"10\.\d{4,9}/[^\s\"<>]+", re.IGNORECASE)
LEAST_TITLE: Final = 12
"""Letters below which equal titles say little ("Editorial")."""
LEAST_HAN_TITLE: Final = 6
LONGEST_LABEL: Final = 120
"""Characters of a study's label, its letter included."""


@dataclass(frozen=True)
class Author:
    """A name as it was read; `given` may be initials."""

    family: str
    given: str
    printed: str

    @property
    def is_han(self) -> bool:
        return bool(_HAN.search(self.printed))


def is_han(text: str) -> bool:
    return bool(_HAN.search(text))


def folded(text: str) -> str:
    """Without case, accents, spaces and signs, so that names and titles that say the same are equal."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(letter for letter in plain if letter.isalnum())


def read_authors(text: str) -> list[Author]:
    """The authors of a reference, in the order printed.

    Examples
    --------
    >>> [author.family for author in read_authors("Cao S, Song G, et al.")]
    ['Cao', 'Song']
    >>> [author.family for author in read_authors("欧阳锋;张三")]
    ['欧阳', '张']
    """
    plain = unicodedata.normalize("NFKC", text).replace("、", ",").replace("*", "")
    plain = _ET_AL.sub("", " ".join(plain.split())).strip(" .;,")
    return [_one_author(name) for part in _split_names(plain) if (name := part.strip(" .,;"))] if plain else []


def _split_names(text: str) -> list[str]:
    if ";" in text:
        return text.split(";")
    parts = re.split(r"\s+(?:and|&)\s+", text)
    if len(parts) > 1 and all(part.count(",") == 1 for part in parts):
        return parts
    tokens = [token.strip() for token in re.split(r",|\s+(?:and|&)\s+", text) if token.strip()]
    if all(is_han(token) for token in tokens):
        return [name for token in tokens for name in token.split()]
    pairs = list(zip(tokens[::2], tokens[1::2], strict=False))
    in_pairs = len(tokens) % 2 == 0 and all(_INITIALS.match(given) for _family, given in pairs)
    if in_pairs and not any(_INITIALS.match(family.split()[-1]) for family, _given in pairs):
        return [f"{family}, {given}" for family, given in pairs]
    alone = len(tokens) == 2 and " " not in tokens[0] and not _INITIALS.match(tokens[0]) and tokens[1].istitle()
    return [text] if alone and " " not in tokens[1] else tokens


def _one_author(name: str) -> Author:
    if is_han(name) and not re.search(r"[A-Za-z]", name):
        joined = name.replace(" ", "").replace(",", "")
        length = 2 if joined.startswith(_COMPOUND) and len(joined) > 2 else 1
        return Author(joined[:length], joined[length:], joined)
    if "," in name:
        family, given = (part.strip() for part in name.split(",", 1))
        return Author(family, given, name)
    words = name.split()
    if len(words) == 1:
        return Author(name, "", name)
    if _INITIALS.match(words[-1]):
        first_initials = next(index for index, word in enumerate(words) if index and _INITIALS.match(word))
        return Author(" ".join(words[:first_initials]), " ".join(words[first_initials:]), name)
    if words[0].lower() in _SURNAMES and words[-1].lower() not in _SURNAMES and len(words) == 2:
        return Author(words[0], words[1], name)
    start = next((index for index, word in enumerate(words) if index and word.islower()), len(words) - 1)
    return Author(" ".join(words[start:]), " ".join(words[:start]), name)


def printed_order(authors: Sequence[Author]) -> Order:
    """Whether "Haowen L, Lizu X" prints given names first: told by words that are no Chinese family name."""
    latin = [author.family.lower() for author in authors if not author.is_han and _INITIALS.match(author.given)]
    if any(name not in _SURNAMES and _TWO_SYLLABLES.fullmatch(name) for name in latin):
        return "given first"
    return "unknown" if len(latin) == 1 and latin[0] in _SURNAMES else "family first"


def study_label(authors: Sequence[Author], year: int | None) -> str:
    """First author's family name and the year; what is not known is left out."""
    family = authors[0].family if authors else ""
    return " ".join(part for part in (family, str(year or "")) if part)


def label_name(label: str) -> str:
    """The name in a label such as "Cao et al., 2017b"."""
    return _ET_AL.sub("", _YEAR_AT_END.sub("", label).strip()).strip(" ,.")


def label_year(label: str) -> int | None:
    found = _YEAR_AT_END.search(label)
    return int(found[1]) if found else None


def label_question(label: str, authors_text: str) -> str:
    """What to ask about a label and the authors of its report; empty where it fits or nothing can be told."""
    authors, name = read_authors(authors_text), label_name(label)
    if not authors or not name or is_han(name) != authors[0].is_han:
        return ""
    first, key = authors[0], folded(name)
    if first.is_han and folded(first.printed).startswith(key):
        return ""
    if key in {folded(first.family), folded(first.family + first.given), folded(first.given + first.family)}:
        return ""
    position = next((place for place, other in enumerate(authors, 1) if folded(other.family) == key), 0)
    if position:
        return f"{name} is author {position}. Should the label name the first author, {first.printed}?"
    return _question_of_given_name(name, authors)


def _question_of_given_name(name: str, authors: Sequence[Author]) -> str:
    first = authors[0]
    if folded(first.given) == folded(name) and len(folded(name)) > 1:
        return f"Is {name} the given name of {first.printed}? Then the family name is {first.family}."
    fits = folded(first.given)[:1] == folded(name)[:1]
    if fits and printed_order(authors) != "family first" and name.lower() in _SURNAMES:
        return ""
    if fits and _INITIALS.match(first.given):
        hint = f"Is it the given name of {first.printed}, whose family name is {first.family}?"
    else:
        hint = f"The first author is {first.printed}."
    return f"No author is called {name}. {hint}"


def new_label_question(authors: Sequence[Author]) -> str:
    """What to ask before a label is made from these authors."""
    order = printed_order(authors) if authors else "family first"
    if order == "family first":
        return ""
    if order == "unknown":
        return f"Is {authors[0].family} the family name in {authors[0].printed}?"
    return f"{authors[0].printed} looks like a given name with the initial of the family name. What is the family name?"


def spread_labels(wanted: Sequence[str], taken: Iterable[str]) -> list[str]:
    """The labels with a letter where several want the same, or where one is taken already.

    Examples
    --------
    >>> spread_labels(["Cao 2017", "Cao 2017", "Gu 2019"], ["gu 2019"])
    ['Cao 2017a', 'Cao 2017b', 'Gu 2019b']
    """
    used = {label.casefold() for label in taken}
    times = Counter(label.casefold() for label in wanted)
    lettered: dict[str, Iterator[str]] = {}
    labels = []
    for label in wanted:
        folded = label.casefold()
        if times[folded] > 1 or {folded, f"{folded}a"} & used:
            # What was passed over stays used, so that the next study of this name goes on from there.
            candidates = lettered.setdefault(label, _lettered(label, skip_a=folded in used))
            label = next(free for free in candidates if free.casefold() not in used)
        used.add(label.casefold())
        labels.append(label)
    return labels


def _lettered(label: str, *, skip_a: bool) -> Iterator[str]:
    letters = ascii_lowercase[1:] if skip_a else ascii_lowercase
    pairs = (f"{letter}{other}" for letter in letters for other in ascii_lowercase)
    endings = chain(letters, pairs, (f"-{number}" for number in count(1)))
    return (label[: LONGEST_LABEL - len(ending)] + ending for ending in endings)


def bare_doi(text: str) -> str:
    """A DOI without resolver, prefix or closing stop; empty where the text holds none.

    Examples
    --------
    >>> bare_doi("https://doi.org/10.1002/IBRA.12027.")
    '10.1002/IBRA.12027'
    """
    found = _DOI.search(unicodedata.normalize("NFKC", text))
    return str(found[0]).rstrip(".,;)]") if found else ""


def title_key(title: str) -> str:
    """Equal for titles that say the same; empty for titles too short to tell."""
    key = folded(re.sub(r"<[^>]+>", "", title))
    return key if len(key) >= (LEAST_HAN_TITLE if is_han(key) else LEAST_TITLE) else ""
