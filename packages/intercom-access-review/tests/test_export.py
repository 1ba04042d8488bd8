"""The access list for governance tools is complete, and unknown values stay empty."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from export_rules import Row, check_all, check_baton
from export_runs import HOME, PERSON, TEAM, contents, exported, people, run
from projects import catalog_of_all
from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Sandbox
from tests.tap import TAP

NO_ROLE = "No role: may have custom permissions"


def grants(baton: dict[str, list[Row]], user: str) -> list[str]:
    rows = [row for row in baton["direct_user_grants"] if row["principal_id"] == user]
    return [f"{row['resource_id']} {row['entitlement_slug']}" for row in rows]


def test_the_demo_workspace_is_complete_in_every_file(tmp_path: Path) -> None:
    with Sandbox(demo()) as sandbox:
        folder = {"TAP_INTERCOM_ACCESS_EVIDENCE_PATH": str(tmp_path / "evidence")}
        env = os.environ | sandbox.settings | folder
        catalog = tmp_path / "catalog.json"
        catalog.write_text(catalog_of_all(), encoding="utf-8")
        command = [TAP, "--config=ENV", f"--catalog={catalog}"]
        subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)

    done = run(tmp_path, "--company-domain", "example.com")

    assert done.exit_code == 0, done.output
    baton, vanta, probo, _ = check_all(tmp_path / "files")
    assert [len(rows) for rows in baton.values()] == [13, 9, 18, 51]
    assert [row["id"] for row in baton["resources"]] == [
        *("workspace-sandbox", "team-501", "team-502", "team-503", "team-504"),
        *("role-1", "role-2", "role-3", "role-4"),
    ]
    assert grants(baton, "1002") == [
        *("workspace-sandbox member", "workspace-sandbox inbox_seat", "role-2 assigned"),
        *("team-501 member", "team-502 member", "team-502 primary"),
    ]
    known = {"id", "display_name", "email", "login", "profile"}
    kinds = [user.keys() - known - {"last_login"} for user in baton["users"]]
    assert sorted(kinds, key=len) == [set()] * 12 + [{"type"}]
    assert any("last_login" in user for user in baton["users"])
    assert {row["is_admin"] for row in probo} == {""}
    by_name = {row["Account name"]: [*row.values()][1:] for row in vanta}
    chen = ["chen.wei@example.com", "Support agent, Support, Billing", "Active"]
    assert by_name["chen.wei@example.com"] == chen
    assert by_name["dana.levi@gmail.com"][0] == "External user"
    assert by_name["operator+sandbox@intercom.io"][0] == "Not a person"
    assert f"Wrote {tmp_path / 'files' / 'probo.csv'} (users: 13)\n" in done.stdout
    assert "Probo ignores" not in done.stdout


def test_difficult_names_are_in_every_file_as_text(tmp_path: Path) -> None:
    names = [
        "  ",
        "=1+1",
        "+1",
        "-1",
        "@x",
        "a\nb\x00c",
        "\u202eevil",
        "名前, 漢字",
        '"',
        "\u2028y",
    ]
    admins = people("", *(f"{number}@example.com" for number in range(1, len(names))))
    for admin, name in zip(admins, names, strict=True):
        admin |= {"name": name, "job_title": name, "role": {"id": "3", "name": "Agent"}}
    teams = {"7": "Same", "8": "Same", "9": "=cmd()", "10": "", "11": "a, b"}

    printed = exported(
        tmp_path,
        app=HOME | {"name": "../Acme & Sons: <EU>"},
        admins=admins,
        teams=[{"id": id_, "name": name, "admin_ids": [1, 99]} for id_, name in teams.items()],
    )

    baton, vanta, probo, hyperproof = check_all(tmp_path / "files")
    shown = {user["id"]: user["display_name"] for user in baton["users"]}
    unlisted = "99 (in 10, a, b, Same (7), Same (8), =cmd(), not in the list of teammates)"
    assert [shown[id_] for id_ in ("0", "1", "5", "99")] == ["0", "=1+1", "a b\ufffdc", unlisted]
    assert grants(baton, "99") == [f"team-{number} member" for number in (10, 11, 7, 8, 9)]
    assert {row["Role"] for row in hyperproof} == {"Agent", "Not in the list of teammates"}
    assert f"Probo ignores: 0 (0), 99 ({unlisted})\n" in printed
    assert "'=1+1" in {row["full_name"] for row in probo}
    assert "Agent, 10, a; b, Same (7), Same (8), =cmd()" in {row["Role"] for row in vanta}
    assert (tmp_path / "files" / "Access File - _Acme & Sons_ _EU_ - Intercom.csv").exists()


@pytest.mark.parametrize("end", ["\u6c49", "\U0001f468\u200d\U0001f467", "e\u0301", " .", "\ta"])
def test_every_workspace_name_fits_a_file_name(end: str, tmp_path: Path) -> None:
    for name in (end * 80, f"..{end}", f"a\u202egpj/..\\b{end}", "\u3164", "", None):
        exported(tmp_path, app=HOME | {"name": name})

        check_baton(tmp_path / "files")
        (path,) = (tmp_path / "files").glob("Access File - * - Intercom.csv")
        assert len(path.name.encode()) < 140  # some file systems allow 143 bytes
        assert not set(path.name) & set("/\\\u202e\n\t\ufffd")
        middle = path.name.removeprefix("Access File - ").removesuffix(" - Intercom.csv")
        assert middle.strip(" .\u200d") == middle != ""
        path.unlink()


def test_no_string_becomes_a_formula(tmp_path: Path) -> None:
    formulas = ["=1+1", "  \uff1d1", "a;-1", 'a;"=1+1"', "a, @x, +1", "\u200d\ufe0f+1", "-"]
    things = [{"id": str(number), "name": text} for number, text in enumerate(formulas)]
    exported(
        tmp_path,
        admins=[PERSON | thing | {"job_title": thing["name"], "role": thing} for thing in things],
        teams=[thing | {"admin_ids": [thing["id"]]} for thing in things],
    )

    assert len(check_all(tmp_path / "files")[1]) == len(formulas)


def test_bots_and_service_accounts_are_not_people(tmp_path: Path) -> None:
    services = tmp_path / "services.csv"
    services.write_text(
        "owner,email\n Ann@example.com , SUPPORT@example.com\nzoe@example.com,robot@example.com\n"
        "ann@example.com,gone@example.com\n"
    )
    emails = ("ann@example.com", "Support@example.com", "robot@example.com")
    admins = people(*emails, " Operator+A_b-C@INTERCOM.io ", "operator@intercom.io")
    admins[3] |= {"name": "Bo", "role": {"id": "1", "name": "Admin"}, "has_inbox_seat": False}
    domains = ("intercom.io", "@Example.com", "other.example")
    options = [f"--company-domain={domain}" for domain in domains]

    printed = exported(tmp_path, f"--service-accounts={services}", *options, admins=admins)

    baton, vanta, probo, hyperproof = check_all(tmp_path / "files")
    is_person = [True, False, False, False, True]
    assert [user.get("type") != "service" for user in baton["users"]] == is_person
    assert [row["Account owner"] != "Not a person" for row in vanta] == is_person
    assert [row["account_type"] == "" for row in probo] == is_person
    owners = [user["profile"].get("owner") for user in baton["users"]]
    assert owners == [None, "ann@example.com", "zoe@example.com", None, None]
    assert [row["Owner"] for row in hyperproof] == ["N0", "N0", "zoe@example.com", "Bo", "N4"]
    assert [row["Role"] for row in hyperproof] == [*[NO_ROLE] * 3, "Admin", NO_ROLE]
    assert baton["users"][3]["profile"] == {"role": "Admin", "has_inbox_seat": False}
    assert "Service accounts and bots: 1 (N1), 2 (N2), 3 (Bo)\n" in printed
    assert "no account has the address gone@example.com of --service-accounts." in printed
    assert printed.count("no account has an address of") == 1
    assert "no account has an address of --company-domain other.example." in printed


def test_the_owner_of_an_account_without_an_address_is_unknown(tmp_path: Path) -> None:
    admins = people("", None, "  ", "a@elsewhere.example", "b@Example.com")
    teams = [TEAM | {"admin_ids": [9]}]

    owners = []
    for options in (("--company-domain", "example.com"), ()):
        exported(tmp_path, *options, admins=admins, teams=teams)
        owners.append([row["Account owner"] for row in check_all(tmp_path / "files")[1]])

    assert owners[0] == ["", "", "", "External user", "b@example.com", ""]
    assert owners[1] == ["", "", "", "a@elsewhere.example", "b@example.com", ""]


def test_names_that_look_the_same_or_empty_have_ids(tmp_path: Path) -> None:
    admins = people("a@x", "b@x", "", "", "e@x")
    for number, name in enumerate(["A", "B", "Sam Lee", "sam  lee", "\u3164 \u200b"]):
        admins[number]["name"] = name
        role = ("Support", "support\u2060")[number % 2]
        admins[number]["role"] = {"id": str(number % 2), "name": role}
    admins[4]["role"] = {"id": None, "name": "No ID"}
    names = {"7": "N", "8": "N\u200b", "9": " "}
    teams = [{"id": id_, "name": name, "admin_ids": ["0"]} for id_, name in names.items()]

    exported(tmp_path, admins=admins, teams=teams)

    baton, vanta, probo, _ = check_all(tmp_path / "files")
    assert [(row["Account name"], row["Role"]) for row in vanta] == [
        ("a@x", "Support (0), N (7), N\u200b (8), 9"),
        ("b@x", "support\u2060 (1)"),
        ("Sam Lee (2)", "Support (0)"),
        ("sam lee (3)", "support\u2060 (1)"),
        ("e@x", "No ID"),
    ]
    assert probo[4]["full_name"] == baton["users"][4]["display_name"] == "4"
    assert "role-No ID assigned" in grants(baton, "4")


def test_the_last_login_is_the_latest_in_the_log(tmp_path: Path) -> None:
    def entry(day: int, **other: object) -> Row:
        kind = {"id": str(other), "activity_type": "admin_login_success", "performed_by": {"id": 1}}
        return kind | {"created_at": 1767225600 + (day - 1) * 86400, "id": f"{day}{other}"} | other

    entries = [
        *(entry(3), entry(5), entry(4)),
        entry(9, activity_type="admin_login_failure"),
        entry(9, performed_by=None),
        entry(9, performed_by={"id": None}),
    ]
    exported(tmp_path, admins=[PERSON, PERSON | {"id": "2"}], activity_logs=entries)

    users = check_baton(tmp_path / "files")["users"]
    assert [user.get("last_login") for user in users] == ["2026-01-05T00:00:00+00:00", None]


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    lists: Row = {"admins": people("a@x", "b@x"), "teams": [TEAM, TEAM | {"id": "8"}]}
    exported(tmp_path, **lists)
    first = contents(tmp_path)

    exported(tmp_path, **{stream: rows[::-1] for stream, rows in reversed(lists.items())})

    assert contents(tmp_path) == first


@pytest.mark.skipif(os.name != "posix", reason="POSIX file modes")
def test_other_users_cannot_read_the_files(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    exported(tmp_path)

    paths = [tmp_path / "files", *(tmp_path / "files").iterdir()]
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o750, *[0o640] * 4]


def test_the_export_of_one_format_lists_the_files_that_it_did_not_update(tmp_path: Path) -> None:
    names = {"baton": "baton-file.json", "vanta": "Access File - W - Intercom.csv"}
    for format_, name in (names | {"probo": "probo.csv", "hyperproof": "hyperproof.csv"}).items():
        exported(tmp_path)
        before = contents(tmp_path)

        printed = exported(tmp_path, "--format", format_, admins=people("new@x"))

        after = contents(tmp_path)
        assert [file for file in after if after[file] != before[file]] == [name]
        unchanged = {line[13:] for line in printed.splitlines() if line[:13] == "Not updated: "}
        assert unchanged == {str(tmp_path / "files" / file) for file in after.keys() - {name}}
