"""``cvmfs=REPOSITORY[:REVISION],…``: the repositories are there, and not older than the revision."""

from typing import Dict

from autopyfactory.wrapper.validation.finding import About, Finding, number, words


def check(argument: str, about: About) -> Finding:
    """List each repository, which mounts it, and ask its revision."""
    problems = []
    revisions: Dict[str, str] = {}
    for word in words(argument, "names of CVMFS repositories"):
        name, _, least = word.partition(":")
        folder = "/cvmfs/" + name
        wanted = number(least, 0.0, "REPOSITORY:REVISION")
        if not about.node.names(folder):
            problems.append("%s is not mounted, or empty" % folder)
            continue
        revisions[name] = about.node.attribute(folder, "user.revision")
        if least and not revisions[name].isdigit():
            problems.append("%s does not tell its revision" % folder)
        elif least and int(revisions[name]) < wanted:
            problems.append("%s is at revision %s, %s wanted" % (folder, revisions[name], least))
    seen = ", ".join("%s at %s" % (name, revisions[name] or "unknown revision") for name in sorted(revisions))
    return Finding(not problems, "; ".join(problems) or seen, {"revisions": revisions})
