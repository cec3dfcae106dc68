"""drivers/adbc/adbc_abi.h against the published adbc.h, which the driver manager's wheel carries."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import adbc_driver_manager
from adbc_env import ROOT

OURS = ROOT / "drivers" / "adbc" / "adbc_abi.h"
PUBLISHED = Path(adbc_driver_manager.__file__).parent / "arrow-adbc" / "adbc.h"


FIELDS = {
    "AdbcError": "message vendor_code sqlstate release private_data private_driver",
    "AdbcErrorDetail": "key value value_length",
    "AdbcDatabase": "private_data private_driver",
    "AdbcConnection": "private_data private_driver",
    "AdbcStatement": "private_data private_driver",
    "AdbcPartitions": "num_partitions partitions partition_lengths private_data release",
    "AdbcDriver": "private_data private_manager release ErrorGetDetailCount ErrorGetDetail ErrorFromArrayStream",
}


def function_lists() -> str:
    """The macros that list the functions of ADBC with the types of their arguments."""
    found = re.findall(r"^#define ADBC_\w*FUNCTIONS\w*\(X.*?[^\\]\n(?=\n|#)", OURS.read_text(), re.M | re.S)
    assert len(found) == 4
    return "".join(found)


def layout_program() -> str:
    """Prints where each field is and what each number is, as the header it is compiled with says."""
    text = OURS.read_text()
    lines = [f"AT({name}, {field})" for name, fields in FIELDS.items() for field in fields.split()]
    lines += [f"SIZE({name})" for name in FIELDS]
    lines += [f"NUMBER({name})" for name in re.findall(r"^ +(ADBC_[A-Z_]+) = \d+", text, re.M)]
    lines += [f"NUMBER({name})" for name in re.findall(r"^#define (ADBC_[A-Z0-9_]+) +(?=\d|INT|offsetof)", text, re.M)]
    return (
        "#include <stddef.h>\n#include <stdio.h>\n"
        '#define SIZE(name) printf(#name " %zu\\n", sizeof(struct name));\n'
        '#define AT(name, field) printf(#name " " #field " %zu %zu\\n", offsetof(struct name, field), sizeof((struct name){0}.field));\n'
        '#define NUMBER(name) printf(#name " %lld\\n", (long long)(name));\n'
        "#define FUNCTION(name, ...) AT(AdbcDriver, name)\n"
        + function_lists()
        + "int main(void) {\nADBC_FUNCTIONS_1_0_0(FUNCTION)\nADBC_FUNCTIONS_1_1_0(FUNCTION)\n"
        + "\n".join(lines)
        + "\nreturn 0;\n}\n"
    )


def run(tmp_path: Path, header: Path, body: str, *flags) -> list[str]:
    source, program = tmp_path / "abi.c", tmp_path / "abi"
    source.write_text(f'#include "{header}"\n{body}')
    subprocess.run(["cc", "-std=c11", *flags, "-I", ROOT / "include", source, "-o", program], check=True)
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()


def test_every_offset_and_number_is_as_published(tmp_path):
    program = layout_program()
    ours = run(tmp_path, OURS, program)
    assert ours == run(tmp_path, PUBLISHED, program)
    assert len([line for line in ours if line.startswith("AdbcDriver ")]) == 52 + 6 + 1  # all that it holds, and its size
    assert len([line for line in ours if line.startswith("ADBC_")]) == 39 and "ADBC_STATUS_CANCELLED 11" in ours


def test_every_signature_is_as_published(tmp_path):
    """Our lists of functions, assigned from the published table: another type does not compile."""
    body = "#include <stdio.h>\n" + function_lists() + (
        "#define SAME(name, ...) { AdbcStatusCode (*f)(__VA_ARGS__, struct AdbcError *) = d->name; (void)f; count++; }\n"
        "static int table(struct AdbcDriver *d) { int count = 0; ADBC_FUNCTIONS_1_0_0(SAME) ADBC_FUNCTIONS_1_1_0(SAME) return count; }\n"
        "int main(void) { struct AdbcDriver d = {0}; printf(\"%d\\n\", table(&d)); return 0; }\n"
    )
    (count,) = run(tmp_path, PUBLISHED, body, "-Wall", "-Werror")
    assert int(count) == 52
