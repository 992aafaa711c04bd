"""Numbers with their unit, in words."""


def counted(number: float, one: str, several: str = "") -> str:
    """ "1 study", "2,000 studies", "1.5 points"; `several` where it is not `one` with an s."""
    digits = f"{number:,}" if isinstance(number, int) else f"{number:g}"
    return f"{digits} {one if number == 1 else several or one + 's'}"


def minus(number: float | str) -> str:
    """A number, or what is already written of one, with a true minus sign."""
    text = number if isinstance(number, str) else f"{number:.12g}"
    return text.replace("-", "−")
