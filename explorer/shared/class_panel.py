"""The class in the sidebar: what a student has used; who is on, for the teacher."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from core.classroom.people import People, Person
from explorer.classroom.door import LEAVE
from explorer.classroom.here import Classroom, classroom, look_at, owner_here, person_here
from explorer.shared.messages import plain

_SESSIONS = 5  # of a person, the latest


def class_panel() -> None:
    """Draw it; nothing in the plain app."""
    found, person = classroom(), person_here()
    if found is None or person is None:
        return
    with st.container(key="class_panel"):
        if person.teacher:
            _overview(found, person)
        else:
            _own(found.people, person)
        st.html(f'<a href="{LEAVE}" target="_self">Leave the class</a>')


def _own(people: People, person: Person) -> None:
    limits = people.settings
    st.caption(
        f"**{plain(person.name)}** · {person.tokens:,} of {limits.tokens_in_all:,} tokens · "
        f"{people.size(person) / 1e6:,.0f} of {limits.disk:,} MB"
    )


def _sessions(person: Person) -> list[str]:
    """Links to a person's latest sessions, in markdown."""
    if not person.sessions.is_dir():
        return []
    files = {each: each.stat().st_mtime for each in person.sessions.glob("*.json")}
    latest = sorted(files, key=lambda each: -files[each])[:_SESSIONS]
    times = {each: datetime.fromtimestamp(files[each]).strftime("%H:%M") for each in latest}
    return [f"[Session of {times[each]}](/?session={each.stem})" for each in latest]


def _overview(found: Classroom, person: Person) -> None:
    people = found.people
    seated = people.seated()
    with st.expander(f"Class: {len(seated)} of {people.settings.seats} seats"):
        everyone = [each for each in people.everyone() if not each.teacher]
        if not everyone:
            st.caption("No student has entered yet.")
        for each in everyone:
            minutes = people.idle_minutes(each)
            here = "here now" if minutes == 0 else f"last click {minutes} min ago"
            place = here if each.seated else "no seat"
            st.caption(
                f"**{plain(each.name)}** · {place} · {each.tokens:,} tokens · "
                f"{people.size(each) / 1e6:,.0f} MB"
            )
        by_id = {each.id: each for each in (person, *everyone)}
        owner = owner_here() or person
        names = {key: "mine" if each is person else each.name for key, each in by_id.items()}
        chosen = st.selectbox(
            "Work of",
            list(by_id),
            index=list(by_id).index(owner.id) if owner.id in by_id else 0,
            format_func=lambda key: names[key],
        )
        if chosen != owner.id:
            look_at(by_id[chosen])
            st.rerun()
        for link in _sessions(by_id[chosen]):
            st.markdown(link)
        for each in seated:
            st.button(
                f"Free the seat of {plain(each.name)}",
                key=f"free seat {each.id}",
                on_click=people.leave,
                args=(each,),
            )
