"""The clients that generators make of the API's description compile, and the scripts of docs/using-the-api.md work."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, blocks
from tests.programs import program
from tests.running import settings_for
from tests.web.calls import Web
from tests.web.sockets import listening

pytestmark = pytest.mark.anyio
PAGE = ROOT / "docs" / "using-the-api.md"
PRINTED = """\
体坛
201 球讯
304
true
+8613800138000 easyown
1
1
awaiting_confirmation
true
not_found
true
"""
LONGEST_SECONDS = 300


async def run(*command: str, cwd: Path, **variables: str) -> str:
    """Run a command and return what it prints. The gateway answers meanwhile."""
    environment = {**os.environ, **variables}
    running = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    async with asyncio.timeout(LONGEST_SECONDS):
        printed, _ = await running.communicate()
    assert running.returncode == 0, f"{command}: {printed.decode()}"
    return printed.decode()


async def save_document(web: Web, folder: Path) -> None:
    (folder / "openapi.json").write_text((await web.client.get("/openapi.json")).text, encoding="utf-8")


def script(language: str) -> str:
    [block] = blocks(PAGE, language)
    return block.code


async def test_a_python_client(sqlite_url: str, tmp_path: Path) -> None:
    generator = program("openapi-python-client", package="requirements/clients.txt, in an environment of its own")
    (tmp_path / "settings.yaml").write_text("post_hooks: []\n")  # these would only format
    (tmp_path / "calls.py").write_text(script("python"), encoding="utf-8")
    made = ("--output-path", "gateway_client", "--meta", "none", "--config", "settings.yaml")
    async with listening(settings_for(sqlite_url)) as web:
        await save_document(web, tmp_path)
        warnings = await run(generator, "generate", "--path", "openapi.json", *made, cwd=tmp_path)
        assert warnings.count("WARNING") == warnings.count("within imports") == 2, warnings
        await run(sys.executable, "-m", "compileall", "-q", "gateway_client", cwd=tmp_path)
        # The generated client needs nothing that is not here, too.
        printed = await run(
            sys.executable, "calls.py", str(web.client.base_url), cwd=tmp_path, PYTHONPATH=str(tmp_path)
        )
    assert printed.lower() == PRINTED.lower()


async def test_a_typescript_client(sqlite_url: str, tmp_path: Path) -> None:
    ours = "by npm, globally: openapi-typescript@7.13.0 openapi-fetch@0.17.0 typescript@5.9.3"
    generator, compiler = program("openapi-typescript", package=ours), program("tsc", package=ours)
    node, npm = program("node", package="the package nodejs"), program("npm", package="the package npm")
    modules = await run(npm, "root", "--global", cwd=tmp_path)
    (tmp_path / "node_modules").symlink_to(modules.strip())
    (tmp_path / "calls.ts").write_text(script("ts"), encoding="utf-8")
    (tmp_path / "node.d.ts").write_text("declare const process: { argv: string[] };\n")
    options = {
        "strict": True, "noUncheckedIndexedAccess": True, "module": "esnext", "moduleResolution": "bundler",
        "target": "es2022", "lib": ["es2022", "dom", "dom.iterable"], "types": [], "preserveSymlinks": True,
    }  # fmt: skip
    (tmp_path / "tsconfig.json").write_text(
        json.dumps({"compilerOptions": options, "files": ["calls.ts", "node.d.ts"]})
    )
    (tmp_path / "package.json").write_text('{"type": "module"}')
    async with listening(settings_for(sqlite_url)) as web:
        await save_document(web, tmp_path)
        await run(generator, "openapi.json", "--output", "gateway.d.ts", "--default-non-nullable=false", cwd=tmp_path)
        await run(compiler, "--project", ".", cwd=tmp_path)
        printed = await run(node, "--preserve-symlinks", "calls.js", str(web.client.base_url), cwd=tmp_path)
    assert printed == PRINTED
