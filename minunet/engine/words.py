"""Words that are shown: numbers with their nouns, and names, which may hold anything."""

import unicodedata


def plural(count, thing):
    """Say how many, as "1 slice", "1,234 slices" or "no slices"."""
    return f"{f'{count:,}' if count else 'no'} {thing}{'' if count == 1 else 's'}"


def printable(name):
    """Give a name with what would break a line, or cannot be encoded, replaced by "?"."""
    return "".join("?" if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") else letter
                   for letter in name)


def width(text):
    """Count the columns that a text takes on a terminal: two for a Chinese or Japanese letter."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1
               for letter in text if not unicodedata.combining(letter))
