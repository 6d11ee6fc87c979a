"""The sentences of the reports, in Dutch and English."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LANGUAGES: Final = ("nl", "en")

_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    # ---- frame of a report
    "part.findings": ("Bevindingen", "Findings"),
    "part.unchecked": ("Niet gecontroleerd", "Not checked"),
    "part.notes": ("Ter kennisneming", "To know"),
    "more": ("{code}: {count} in totaal, {shown} getoond", "{code}: {count} in all, {shown} shown"),
    "status.0": ("IN ORDE", "IN ORDER"),
    "status.1": ("BEVINDINGEN: niet in orde", "FINDINGS: not in order"),
    "status.2": ("NIET VAST TE STELLEN", "COULD NOT VERIFY"),
    # ---- reading the bundle
    "unexpected": (
        "de bundel brengt de controle zelf tot stilstand ({kind})",
        "the bundle makes the check itself stop ({kind})",
    ),
    "bundle-unreadable": ("{name} is niet te lezen als ZIP: {why}", "{name} can't be read as a ZIP: {why}"),
    "bundle-twice": (
        "{name} heeft een bestandsnaam tweemaal: lezers zien niet hetzelfde",
        "{name} has a file name twice: readers don't see the same",
    ),
    "format": (
        "dit is geen auditbundel van deze versie: {found}, verwacht {wanted}",
        "this is no audit bundle of this version: {found}, expected {wanted}",
    ),
    "file-missing": ("{name} ontbreekt in de bundel", "{name} is missing from the bundle"),
    "file-unlisted": (
        "{name} staat in de bundel maar niet in het manifest",
        "{name} is in the bundle but not in its manifest",
    ),
    "file-unreadable": ("{name} is niet te lezen: {why}", "{name} can't be read: {why}"),
    "file-too-large": ("{name} is te groot om te lezen", "{name} is too large to read"),
    "file-changed": (
        "{name} is niet het bestand uit het manifest (SHA-256)",
        "{name} is not the file of the manifest (SHA-256)",
    ),
    "line-unreadable": ("{name} regel {line} is geen JSON-object", "{name} line {line} is no JSON object"),
    "key-unreadable": (
        "dit is geen publieke sleutel naam+id+sleutel: {text}",
        "this is no public key name+id+key: {text}",
    ),
    "key-other-id": (
        "de publieke sleutel heeft niet het id dat hij noemt: {text}",
        "the public key does not have the id it names: {text}",
    ),
    "input-unreadable": ("{name} is niet te lezen: {why}", "{name} can't be read: {why}"),
    "log-not-checked": (
        "het logboek zelf is in deze opdracht niet gecontroleerd: gebruik --vkey, of voer eerst verify-log uit op dezelfde bundel",
        "the log itself was not checked by this command: give --vkey, or run verify-log on the same bundle first",
    ),
    # ---- facts
    "fact.bundle": ("bundel", "bundle"),
    "fact.bundle_sha256": ("SHA-256 van de bundel", "SHA-256 of the bundle"),
    "fact.origin": ("logboek", "log"),
    "fact.period": ("periode", "period"),
    "fact.made_at": ("gemaakt", "made"),
    "fact.entries": ("regels in het logboek", "entries"),
    "fact.root": ("wortel", "root"),
    "fact.checkpoints": ("controlepunten", "checkpoints"),
    "fact.cosigned": ("daarvan medeondertekend", "of which co-signed"),
    "fact.stamped": ("tijdstempels (RFC 3161) gecontroleerd", "time stamps (RFC 3161) checked"),
    "fact.first_at": ("eerste regel", "first entry"),
    "fact.last_at": ("laatste regel", "last entry"),
    # ---- verify-log
    "no-vkey": (
        "zonder --vkey is geen handtekening te controleren; neem de sleutel van het afnamebewijs, niet log.vkey uit de bundel",
        "without --vkey no signature can be checked; take the key from the acceptance certificate, not log.vkey from the bundle",
    ),
    "other-log": ("de sleutel is van {key}, de bundel van {origin}", "the key is of {key}, the bundle of {origin}"),
    "entries-count": (
        "{name} heeft {found} regels in plaats van {wanted}",
        "{name} has {found} entries instead of {wanted}",
    ),
    "entry-shape": (
        "regel {seq} heeft niet de vorm van een logboekregel",
        "entry {seq} does not have the form of an entry",
    ),
    "entry-canonical": ("regel {seq} is niet in canonieke vorm", "entry {seq} is not in canonical form"),
    "clock-back": (
        "regel {seq} is {seconds} s ouder dan de regel ervoor ({at})",
        "entry {seq} is {seconds} s older than the one before it ({at})",
    ),
    "clock-back-told": (
        "regel {seq} is {seconds} s ouder dan de regel ervoor ({at}); het logboek noemt die twijfel aan de klok zelf",
        "entry {seq} is {seconds} s older than the one before it ({at}); the log itself tells of this doubt of the clock",
    ),
    "no-checkpoint": ("er is geen enkel controlepunt", "there is no checkpoint at all"),
    "checkpoint-unreadable": ("controlepunt {size} is niet te lezen", "checkpoint {size} can't be read"),
    "checkpoint-other": ("controlepunt {size} is van {origin}", "checkpoint {size} is of {origin}"),
    "checkpoint-order": ("controlepunt {size} staat niet op volgorde", "checkpoint {size} is not in order"),
    "checkpoint-beyond": (
        "controlepunt {size} telt meer regels dan er zijn ({entries})",
        "checkpoint {size} has more entries than there are ({entries})",
    ),
    "checkpoint-root": (
        "de eerste {size} regels zijn niet die van het controlepunt: een regel is veranderd, of het controlepunt is afgesplitst",
        "the first {size} entries are not those of the checkpoint: an entry was changed, or the checkpoint is a fork",
    ),
    "checkpoint-signature": (
        "de handtekening onder controlepunt {size} ontbreekt of klopt niet",
        "the signature under checkpoint {size} is missing or wrong",
    ),
    "tail-unsigned": (
        "de laatste {count} regels staan onder geen controlepunt",
        "the last {count} entries are under no checkpoint",
    ),
    "witness-signature": (
        "de medeondertekening van {name} onder controlepunt {size} klopt niet",
        "the co-signature of {name} under checkpoint {size} is wrong",
    ),
    "witness-none": ("{name} heeft geen enkel controlepunt medeondertekend", "{name} has co-signed no checkpoint"),
    "witness-clock": (
        "controlepunt {size} is door {name} medeondertekend om {at}, {seconds} s voor zijn laatste regel: een klok is verkeerd",
        "checkpoint {size} was co-signed by {name} at {at}, {seconds} s before its last entry: a clock is wrong",
    ),
    "witness-behind": (
        "sinds de laatste medeondertekening door {name} zijn er {count} regels bij",
        "{count} entries since the last co-signature by {name}",
    ),
    "tsr-wrong": ("tijdstempel {name} klopt niet: {why}", "time stamp {name} is wrong: {why}"),
    "tsr-none": ("er zijn geen tijdstempels in de bundel", "the bundle has no time stamps"),
    "tsr-no-ca": (
        "{count} tijdstempels niet gecontroleerd: gebruik --tsa-ca",
        "{count} time stamps not checked: give --tsa-ca",
    ),
    "tsr-no-openssl": (
        "tijdstempels niet gecontroleerd: het programma openssl ontbreekt hier",
        "time stamps not checked: the program openssl is not here",
    ),
    "tsr-no-note": ("tijdstempel {name} hoort bij geen controlepunt", "time stamp {name} belongs to no checkpoint"),
}


WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        language: {code: sentences[place] for code, sentences in _SENTENCES.items()}
        for place, language in enumerate(LANGUAGES)
    }
)
"""Language -> code -> sentence."""
