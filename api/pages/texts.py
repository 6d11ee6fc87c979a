"""What the API says to people: a sentence per error code and per act of the ledger, in the reader's language.

English stands here, Dutch in the catalogue. A test compares the codes with those that the code raises, and the acts with the ledger's.
"""

from collections.abc import Mapping
from typing import Final

from api.pages.i18n import marked as N_  # noqa: N812 - gettext's own name, which the extractor looks for
from api.pages.i18n import translations

ERROR_TEXTS: Final[Mapping[str, str]] = {
    "InvalidInput": N_("Something in this request is not right. Check what you filled in and try again."),
    "Denied": N_("Your role does not allow this. Ask the shift lead if you need it for your work."),
    "NotFound": N_("This does not exist (any more), or you may not see it. Go back and reload the page."),
    "Conflict": N_("Somebody else changed this in the meantime. Reload the page and decide again."),
    "Unavailable": N_("A part of the system does not answer at the moment. Try again in a few seconds."),
    "Fenced": N_("Another recorder has taken over this camera. Reload the page."),
    "StorageFull": N_(
        "There is no room for this: a volume is full. Nothing was done, and nothing is erased early. Call the technician."
    ),
    "IntegrityLost": N_(
        "The footage on disk is not what was recorded. It is reported as an incident; call the technician."
    ),
    "internal": N_("Something went wrong in the system. It has been logged; try again, or call the technician."),
    "span.naive": N_("A time without a time zone was sent. Reload the page and try again."),
    "span.order": N_("The end must be after the start. Correct the times."),
    "hold.case-number": N_("A case number looks like {example}. Correct the case number."),
    "auth.refused": N_("The user name or the password is not right. Try again."),
    "auth.locked": N_("Too many attempts. Wait a few minutes, or ask the administrator to unlock the account."),
    "auth.first-password-used": N_(
        "This password was set by somebody else and has signed in once already. "
        "Ask the account administrator for a new one (`vms user password`)."
    ),
    "auth.first-password-over": N_(
        "This password was set by somebody else and its time is over. Ask the account administrator for a new one (`vms user password`)."
    ),
    "password.first": N_("Choose a password of your own first: nothing else works until then."),
    "password.old": N_("The old password is not right. Try again."),
    "password.same": N_("The new password is the old one. Choose another."),
    "password.weak": N_(
        "A password has at least {shortest} characters, four of them different, and at most {longest}. Choose another."
    ),
    "password.characters": N_("There is something in this password that a keyboard does not type. Choose another."),
    "password.name": N_("A password has at least {least} characters besides your name. Choose another."),
    "password.common": N_(
        "Many people use this password, and whoever guesses tries it first. "
        "Choose another, such as a few words that do not belong together."
    ),
    "password.meanwhile": N_("The password was changed in the meantime. Sign in with the new one."),
    "auth.busy": N_("Too many people are signing in at once. Try again in a few seconds."),
    "sheet.letters": N_(
        "The log's name has letters that can't be printed on this page. Ask the administrator to print what `vms checkpoint` gives."
    ),
    "sheet.too-long": N_(
        "This checkpoint has too many signatures for one page. Ask the administrator to print what `vms checkpoint` gives."
    ),
    "http.not-found": N_("This does not exist (any more), or you may not see it. Go back and reload the page."),
    "http.method": N_("This page is out of date. Reload it and try again."),
    "http.too-large": N_("This is too much text. Make it shorter."),
    "http.media-type": N_("This page is out of date. Reload it and try again."),
    "http.range": N_("This part of the recording does not exist. Reload the page."),
    "input.field": N_("What stands in {field} is not right. Correct it and try again."),
    "law.outside": N_("No decision of the mayor allows pictures of this camera now."),
    "input.characters": N_(
        "There are characters in {field} that nobody sees or that turn the direction of reading, or a line end where one line is meant. "
        "Type it again."
    ),
    "text.characters": N_(
        "There are characters in this text that nobody sees or that turn the direction of reading. Type it again."
    ),
    "span.too-long": N_("This span is too long: at most {hours} hours. Choose a shorter one."),
    "purpose.case-number": N_("For this purpose a case number is needed. Fill it in."),
    "purpose.text": N_("Say what is checked."),
    "view.unknown": N_("These recordings are not open (any more). Open them again."),
    "view.closed": N_("These recordings were closed. Open them again."),
    "playback.outside": N_("This minute lies outside of what you opened. Open it anew."),
    "footage.open": N_("This minute is still being recorded. Try again in a minute."),
    "footage.expiring": N_("This minute is being erased: its time was over."),
    "footage.destroyed": N_("This minute has been erased: its time was over."),
    "footage.full": N_(
        "There is no room for this: a volume is full. Nothing was done, and nothing is erased early. Call the technician."
    ),
    "footage.lost": N_("This minute was lost when the recorder failed."),
    "footage.key-gone": N_("This minute has been erased: its time was over."),
    "footage.withheld": N_(
        "This minute is withheld: the self-test found something in it that must not be seen. Call the technician."
    ),
    "footage.no-file": N_("The footage of this minute is missing. It is reported as an incident; call the technician."),
    "footage.changed": N_(
        "The footage on disk is not what was recorded. It is reported as an incident; call the technician."
    ),
    "playback.range": N_("This part of the recording does not exist. Reload the page."),
    "live.ended": N_("The live picture has ended. It comes back by itself."),
    "placement.unknown": N_("This camera is no longer here. Reload the page."),
    "placement.ended": N_("This camera is no longer here. Reload the page."),
    "ptz.fixed": N_("This camera can't be moved."),
    "ptz.not-ready": N_("The camera can't be moved yet. Try again in a moment."),
    "ptz.out-of-range": N_("The camera can't go there."),
    "ptz.preset": N_("The camera does not know this preset position. Reload the page."),
    "command.kind": N_("This page is out of date. Reload it and try again."),
    "command.fields": N_("This page is out of date. Reload it and try again."),
    "camera.no-answer": N_("The camera did not answer in time. Try again."),
    "camera.offline": N_("The camera is offline. Try again in a moment, or call the technician."),
    "calibration.unknown": N_("This calibration does not exist. Reload the page."),
    "calibration.fixed": N_("This camera does not move: there is nothing to calibrate."),
    "calibration.shares": N_(
        "This camera tells its position only as a share of its range. Switch it to degrees, or have its range entered in a plan."
    ),
    "calibration.runs": N_("This camera is being calibrated already."),
    "ptz.calibrating": N_("This camera is being calibrated and moves by itself. Wait until that is done."),
    "hold.ground": N_("Choose the ground for this hold."),
    "hold.reason": N_("Give the reason in at least {least} characters."),
    "hold.placements": N_("Choose at least one camera."),
    "hold.span": N_("A hold covers at most {days} days. Choose a shorter span."),
    "hold.review": N_("The review date must lie ahead, at most {days} days. Correct the date."),
    "hold.future": N_("A hold can't begin in the future. Correct the times."),
    "hold.not-active": N_("Only footage that is secured can be released. Reload the page."),
    "release.open": N_("The release of this hold is asked for already. Reload the page."),
    "release.unknown": N_("No release of this hold waits any more. Reload the page."),
    "release.done": N_("This hold is released already. Reload the page."),
    "hold.request-id": N_("Another hold was placed from this form. Close it and begin anew."),
    "hold.unknown": N_("This hold does not exist. Reload the page."),
    "hold.moved-on": N_("Somebody else changed this hold in the meantime. Reload the page and decide again."),
    "export.receiver": N_("Fill in for whom the export is: name and office."),
    "export.reason": N_("Give the reason in at least {least} characters."),
    "export.hold-not-active": N_("The hold of this export is not active (any more). Nothing can be exported from it."),
    "view.turns": N_("This camera turns: it is checked by itself every day."),
    "view.no-plan": N_("This camera has no approved plan."),
    "view.waits": N_("A statement about this camera waits for a second person already."),
    "view.other-plan": N_("Another plan counts now: this statement is about an older one."),
    "asking.two-persons": N_("You asked for this yourself: somebody else decides about it."),
    "asking.unknown": N_("This request does not exist. Reload the page."),
    "asking.moved-on": N_("Somebody else decided about this in the meantime. Reload the page."),
    "asking.lapsed": N_("This request has waited for too long. Whoever needs it asks anew."),
    "asking.reason": N_("Give a concrete reason, in at least {least} characters."),
    "early.placements": N_("Choose at least one camera, and at most {most}."),
    "early.span": N_("An early erasure covers at most {days} days. Choose a shorter span."),
    "early.future": N_("Only footage of the past can be erased. Let the span end before now."),
    "early.nothing": N_(
        "There is nothing to erase in this span: it is gone already, secured for a case, or still being recorded."
    ),
    "early.asked": N_("Somebody has asked for this already: see the requests on this page."),
    "export.two-persons": N_("You asked for this export yourself: somebody else decides about it."),
    "export.unknown": N_("This export does not exist. Reload the page."),
    "export.moved-on": N_("Somebody else decided about this export in the meantime. Reload the page."),
    "export.not-ready": N_("This export is not ready (any more). Reload the page."),
    "export.nothing": N_("No footage of this hold can be read. Call the technician."),
    "export.no-picture": N_("A part of the footage of this hold has no picture. Call the technician."),
    "commissioning.minutes": N_("A view for drawing masks lasts at most {most} minutes."),
    "commissioning.reason": N_("Give the reason in at least {least} characters."),
    "commissioning.two-persons": N_("You asked for this view yourself: somebody else decides about it."),
    "commissioning.moved-on": N_("This request is decided, lapsed or over. Reload the page."),
    "commissioning.busy": N_("Another view for drawing masks is approved for this camera. End that one first."),
    "commissioning.unknown": N_("This view for drawing masks does not exist. Reload the page."),
    "commissioning.copied": N_("No dwelling is in sight of this camera: its live picture shows everything already."),
    "commissioning.not-yours": N_("Somebody else asked for this view. Only that person sees it."),
    "commissioning.over": N_("This view for drawing masks is not approved, or over. Ask for a new one."),
    "commissioning.shown": N_("This view is open already, maybe in another window. Close that one first."),
    "commissioning.no-worker": N_("The camera gives no pictures at the moment. Try again in a moment."),
    "plan.unknown": N_("This version does not exist. Reload the page."),
    "plan.look-again": N_(
        "Fill in a day within {days} days by which two persons look again whether no dwelling is in sight."
    ),
    "plan.reason": N_("Say in at least {least} characters why the plan is drawn or changed."),
    "proposal.reason": N_("Say in at least {least} characters why this proposal is no mask."),
    "plan.invalid": N_("The plan can't be used yet: {mask} is not right. Correct what is marked and save again."),
    "plan.kind": N_("This is a plan for another kind of camera. Choose the plan of this camera."),
    "plan.ptz-needs-masks": N_("A camera that moves can always see a dwelling. Draw the masks."),
    "plan.features": N_(
        "This file holds no masks for this camera ({place}). Choose an export of a plan of the same kind."
    ),
    "plan.two-persons": N_("You drew this plan yourself: somebody else decides about it."),
    "plan.moved-on": N_("Somebody else decided about a plan of this camera in the meantime. Reload and look again."),
    "plan.loosens": N_(
        "This plan masks less than the present one. Confirm that, and say why it may, in at least {least} characters."
    ),
    "plan.refusal-reason": N_("Say what is wrong with the plan."),
    "panorama.none": N_(
        "There is no panorama of this camera yet. It grows while the camera stands still in different directions."
    ),
    "panorama.steered": N_("Somebody steers this camera, or did so a moment ago. Try again when it is free."),
    "panorama.scans": N_("This camera is looking around already."),
    "ptz.no-model": N_("This camera has no approved blanking plan yet."),
    "panorama.stale": N_(
        "The panorama was made under another blanking plan. It comes back when the camera has looked around."
    ),
    "ledger.read-only": N_(
        "The log does not fit what was signed: nothing can be seen or done until the servers' administrator has put that right."
    ),
    "proof.unknown": N_("There is no proof of erasing for this month. Reload the page."),
    "proof.changed": N_("The proof of this month is not the one that you looked at. Reload the page and look again."),
    "proof.signed": N_("This proof is signed already. Reload the page."),
    "proof.explanation": N_("This proof has findings. Explain them in at least {least} characters."),
    "proof.not-in-log": N_(
        "The log names another report for this month: this one can't be signed. Tell the servers' administrator."
    ),
    "review.unknown": N_("This review does not exist, or the entry is not in its sample. Reload the page."),
    "review.period": N_("A sample is drawn of a period that is over. Choose an end that has passed."),
    "review.nothing": N_("Nobody watched anything in this period: there is nothing to draw. Choose another period."),
    "review.no-sign-ins": N_("Nobody signed in or tried to in this month: there is nothing to review."),
    "review.remark": N_("Say what is wrong."),
    "review.signed": N_("This review is signed: nothing of it can be changed. Reload the page."),
    "review.unjudged": N_("Views still to be judged: {count}. Judge them first."),
    "review.unjudged-sign-ins": N_(
        "Sign-ins still to be judged: {count}. Judge them first; your own ones are for another supervisor."
    ),
    "review.own-sign-in": N_("Nobody judges their own sign-ins. Ask another supervisor to judge this one."),
    "review.not-yours": N_("Somebody else drew this sample. Only that person judges and signs it."),
    "ledger.act": N_("This act is not in the catalogue. Choose one from the list."),
    "input.query": N_("There is no filter {name} here. There are: {known}."),
    "ledger.rows": N_("This finds more than {most} entries. Narrow the search, or take the audit bundle."),
    "ledger.unknown": N_("There is no such entry in the log. Reload the page."),
    "auth.required": N_("You are signed out. Sign in to go on."),
    "csrf": N_("This page is out of date. Reload it and try again."),
    "ptz.locked": N_("{holder} is moving this camera. Wait until it is free."),
}

ACT_TEXTS: Final[Mapping[str, str]] = {
    "auth.sign-in": N_("signed in"),
    "auth.refused": N_("was refused at sign-in"),
    "auth.sign-out": N_("signed out"),
    "auth.locked": N_("was locked out after too many attempts"),
    "auth.expired": N_("was signed out by the system"),
    "auth.revoked": N_("had all sessions ended"),
    "policy.denied": N_("tried something that the role does not allow"),
    "live.open": N_("began to watch live"),
    "live.close": N_("stopped watching live"),
    "playback.open": N_("opened recordings"),
    "playback.close": N_("closed recordings"),
    "commissioning.request": N_("asked to see a camera unblanked for drawing masks"),
    "commissioning.approve": N_("approved an unblanked view for drawing masks"),
    "commissioning.refuse": N_("refused an unblanked view for drawing masks"),
    "commissioning.open": N_("opened the view for drawing masks"),
    "commissioning.serve": N_("began to hand out reduced pictures for drawing masks"),
    "commissioning.seen": N_("noted that the view for drawing masks goes on"),
    "commissioning.served": N_("handed out the last reduced picture for drawing masks"),
    "commissioning.close": N_("closed the view for drawing masks"),
    "commissioning.end": N_("ended the leave for the view for drawing masks"),
    "panorama.view": N_("looked at the panorama of a camera"),
    "panorama.erased": N_("erased the panorama of a camera"),
    "panorama.scan": N_("let a camera look around for its panorama"),
    "panorama.scan-end": N_("ended a camera's look around"),
    "ptz.take": N_("took the control of the camera"),
    "ptz.move": N_("moved the camera"),
    "ptz.stop": N_("stopped the camera's movement"),
    "ptz.preset": N_("sent the camera to a preset position"),
    "rec.start": N_("started recording"),
    "rec.stop": N_("stopped recording"),
    "rec.gap": N_("noted a gap in the recording"),
    "rec.lost": N_("noted lost footage"),
    "rec.damaged": N_("noted damaged footage"),
    "rec.repaired": N_("repaired a recording after a failure"),
    "batch.recorded": N_("listed what was recorded"),
    "hold.place": N_("secured footage"),
    "hold.late": N_("was too late to secure some of the footage"),
    "hold.catch": N_("secured footage that came in later"),
    "hold.release": N_("released secured footage"),
    "release.request": N_("asked for the release of secured footage"),
    "release.approve": N_("approved as second person the release of secured footage"),
    "release.refuse": N_("refused the release of secured footage"),
    "release.take-back": N_("took back the release of secured footage"),
    "release.expire": N_("the release of secured footage lapsed: nobody decided"),
    "hold.expire": N_("noted the end of a hold"),
    "export.request": N_("asked for an export"),
    "export.approve": N_("approved an export"),
    "export.refuse": N_("refused an export"),
    "export.build": N_("began to build an export"),
    "export.ready": N_("finished an export"),
    "export.failed": N_("could not build an export"),
    "export.download": N_("downloaded an export"),
    "export.erased": N_("erased an export"),
    "destroy.intent": N_("began to erase footage"),
    "destroy.done": N_("erased footage"),
    "key.intent": N_("began to destroy a key"),
    "key.destroyed": N_("destroyed a key"),
    "orphan.erased": N_("erased a file that no record knew"),
    "landmarks.erased": N_("erased the landmarks of a camera, as they were due"),
    "sweep.stopped": N_("stopped erasing, in doubt"),
    "retention.breach": N_("found footage that should have been erased"),
    "retention.proved": N_("proved the erasing of a month"),
    "review.draw": N_("drew a sample for a review"),
    "review.mark": N_("judged an entry of a review"),
    "review.sign": N_("signed a review"),
    "proof.sign": N_("signed the proof of erasing of a month"),
    "plan.draft": N_("drew a blanking plan"),
    "plan.approve": N_("approved a blanking plan"),
    "plan.refuse": N_("refused a blanking plan"),
    "plan.withdraw": N_("withdrew a blanking plan"),
    "proposal.reject": N_("rejected a proposed mask"),
    "calibration.start": N_("started a calibration"),
    "calibration.cancel": N_("cancelled a calibration"),
    "calibration.done": N_("calibrated a camera"),
    "calibration.failed": N_("could not calibrate a camera"),
    "calibration.check": N_("held a camera against its blanking plan"),
    "calibration.drift": N_("found that a camera no longer fits its blanking plan"),
    "view.first": N_("took the first landmarks of a fixed camera's view"),
    "view.moved": N_("found that a fixed camera was moved"),
    "view.request": N_("said that the plan of a fixed camera fits, and asked a second person"),
    "view.approve": N_("said as second person that the plan of a fixed camera fits"),
    "view.refuse": N_("did not say as second person that the plan of a fixed camera fits"),
    "area.add": N_("added a camera area"),
    "designation.add": N_("added a designation"),
    "designation.change": N_("changed a designation"),
    "camera.add": N_("added a camera"),
    "camera.change": N_("changed a camera"),
    "camera.remove": N_("removed a camera"),
    "placement.add": N_("added a placement"),
    "placement.change": N_("changed a placement"),
    "placement.end": N_("ended a placement"),
    "edge.found": N_("found that the camera keeps unblanked pictures itself"),
    "edge.checked": N_("asked the camera whether it keeps pictures itself"),
    "edge.switch-off": N_("switched the camera's own recording off"),
    "term.shorten": N_("shortened the term of footage"),
    "term.restore": N_("made the term of footage as long as before"),
    "clock.doubt": N_("doubted the clock"),
    "clock.request": N_("said that the clock is right, and asked a second person"),
    "clock.approve": N_("said as second person that the clock is right"),
    "clock.refuse": N_("did not say as second person that the clock is right"),
    "clock.expire": N_("let a request about the clock lapse"),
    "clock.confirm": N_("confirmed that the clock is right"),
    "early.request": N_("asked for an early erasure"),
    "early.approve": N_("approved an early erasure"),
    "early.refuse": N_("refused an early erasure"),
    "early.expire": N_("let a request for early erasure lapse"),
    "early.done": N_("finished an early erasure"),
    "user.add": N_("added an account"),
    "user.change": N_("changed an account"),
    "role.grant": N_("granted a role"),
    "role.revoke": N_("took a role away"),
    "user.disable": N_("closed an account"),
    "audit.read": N_("read the log"),
    "audit.bundle": N_("took out an audit bundle"),
    "config.start": N_("started with these settings"),
    "config.change": N_("changed the settings"),
    "system.start": N_("started the system"),
    "system.stop": N_("stopped the system"),
    "integrity.checked": N_("checked the log"),
    "integrity.lost": N_("found that something is not what was written"),
    "anchor.stamped": N_("had the log's state stamped by an authority outside"),
    "anchor.mailed": N_("mailed the log's state to those who keep it"),
    "selftest.passed": N_("checked finished pictures: all dwellings were grey"),
    "selftest.failed": N_("found a finished picture that was not blanked well; the camera is withheld"),
    "selftest.cleared": N_("let a withheld camera be seen again"),
}


def error_text(language: str, code: str, details: Mapping[str, object]) -> str | None:
    """Return the sentence for an error code, or None when the catalogue has none.

    Args:
        language: `nl` or `en`.
        code: `VmsError.code`.
        details: values for the sentence; a value that it needs and that is missing shows as its name.
    """
    text = ERROR_TEXTS.get(code)
    if text is None:
        return None
    return translations(language).gettext(text).format_map(_Shown(details))


def act_text(language: str, act: str) -> str:
    """Return an act as the second half of a sentence whose first half is the actor; unknown acts show as they are."""
    text = ACT_TEXTS.get(act)
    return act if text is None else translations(language).gettext(text)


class _Shown(dict[str, object]):
    """Details that show a missing value by its name instead of failing inside an error page."""

    def __missing__(self, key: str) -> str:
        return key
