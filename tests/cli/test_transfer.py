"""`tocsin export` and `tocsin import`, beside the database."""

from pathlib import Path

from tests.cli.conftest import Shell
from tests.service import Service, Tenant

ROWS = "timestamp,value\n" + "".join(f"2024-01-01T{h:02}:00:00Z,{h / 7}\n" for h in range(24))


def beside(service: Service, folder: Path) -> Shell:
    own = {k: v for k, v in service.environment.items() if k.startswith("TOCSIN")}
    return Shell(folder, **own)


def test_a_tenant_goes_out_and_comes_in_under_another_name(
    service: Service, tenant: Tenant, tmp_path: Path
) -> None:
    shell, file = beside(service, tmp_path), tmp_path / "mine.zip"
    tenant.make_series("rides")
    assert tenant.upload("rides", ROWS).status_code == 200
    assert shell("export", tenant.slug, str(file), "--json").data["points"] == 24
    again = shell("export", tenant.slug, str(file))
    assert again.code == 1
    assert "is there already" in again.said

    taken = shell("import", str(file))
    assert taken.code == 1
    assert f"There is a tenant {tenant.slug} already" in taken.said
    made = shell("import", str(file), "--as", f"{tenant.slug}-2", "--json").data
    assert made["imported"]["points"] == 24
    with service.client(made["api_key"]["secret"]) as theirs:
        points = "/v1/series/rides/points"
        assert theirs.get(points).json() == tenant.http.get(points).json()


def test_what_is_no_export_is_refused(service: Service, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("nothing")
    shell = beside(service, tmp_path)
    for file in ("file", "missing"):
        run = shell("import", str(tmp_path / file))
        assert run.code == 1
        assert file in run.said
