"""What the function weighs: the package that Lambda unpacks, and the instructions until it asks for work.

Both are counts and not times, so that growth shows on any machine. Raise a bound only for something worth it.
"""

import re
import shutil
import socket
import subprocess
import zipfile

from beds import bootstrap
from harness import AWS, Part, free_port

# 2,620,000 when sweeps came: ListJobs and event patterns take some 200,000.
MOST_ZIPPED = 2_650_000
# 1,370,000 when this was written, the dynamic linker's share included, and 485,000 for a bare runtime.
MOST_INSTRUCTIONS = 1_430_000

# In Lambda nothing is said of certificates and proxies, and the function loads none.
WHAT_THE_MACHINE_MAY_SAY = [
    "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy",
]


def run(part: Part) -> None:
    package = part.logs / "bootstrap.zip"
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(bootstrap(), "bootstrap")
    size = package.stat().st_size
    part.check(f"the package is no larger than {MOST_ZIPPED:,} bytes", size <= MOST_ZIPPED, f"{size:,} bytes")

    if not shutil.which("valgrind"):
        subprocess.run(["apt-get", "install", "-y", "-qq", "valgrind"], capture_output=True, check=False)
    if not shutil.which("valgrind"):
        part.skip("instructions until the function asks for work", "there is no valgrind")
        return
    count = instructions(part)
    part.check(f"it asks for work after no more than {MOST_INSTRUCTIONS:,} instructions",
               count <= MOST_INSTRUCTIONS, f"{count:,} instructions")


def instructions(part: Part) -> int:
    """Instructions from the start of the process to its first request for work, which is never answered."""
    port = free_port()
    settings = AWS | {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": "batch-canceller",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    } | dict.fromkeys(WHAT_THE_MACHINE_MAY_SAY, "")
    with socket.create_server(("127.0.0.1", port)) as api:
        api.settimeout(120)
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", bootstrap()]
        process = part.start("callgrind", command, settings)
        connection, _ = api.accept()
        with connection:
            connection.settimeout(120)
            connection.recv(4096)
            process.terminate()
            process.wait(timeout=120)
    return int(re.findall(r"Collected : (\d+)", part.log("callgrind"))[-1])
