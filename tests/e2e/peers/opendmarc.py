"""libopendmarc, loaded from Debian's shared library, with records told to it instead of the DNS, and Debian's public suffix list. It runs as a
process of its own:  python3 peers/opendmarc.py < JSON lines."""

import ctypes
import json
import sys

LIBRARY, SUFFIXES = "libopendmarc.so.2", b"/usr/share/publicsuffix/public_suffix_list.dat"
MOZILLA, IPV4, FROM_MAIL = 1, 4, 1
OUTCOMES = {"none": 0, "pass": 1, "fail": 2}
# What libopendmarc makes of a message: the result of DMARC, and the policy it would enforce.
VERDICTS = {14: ("none", "none"), 15: ("pass", ""), 16: ("fail", "reject"), 17: ("fail", "quarantine"), 18: ("fail", "none")}
ALIGNED = 4


def verdicts(questions) -> list[dict]:
    """Each question: {"from", "spf": [result, domain], "dkim": [[result, domain]], "txt": {name: TXT}}, no name twice in all of them."""
    from . import jsonlines
    return jsonlines.ask(["/usr/bin/python3", __file__], questions)


def library():
    dmarc = ctypes.CDLL(LIBRARY)
    pointer, text, integer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
            ("policy_library_init", integer, [pointer]), ("dns_fake_record", None, [text, text]), ("policy_connect_init", pointer, [text, integer]),
            ("policy_connect_shutdown", pointer, [pointer]), ("policy_store_from_domain", integer, [pointer, text]),
            ("policy_store_spf", integer, [pointer, text, integer, integer, text]), ("policy_store_dkim", integer, [pointer, text, text, integer, text]),
            ("policy_query_dmarc", integer, [pointer, text]), ("get_policy_to_enforce", integer, [pointer]),
            ("policy_fetch_alignment", integer, [pointer, ctypes.POINTER(integer), ctypes.POINTER(integer)])):
        function = getattr(dmarc, f"opendmarc_{name}")
        function.restype, function.argtypes = result, arguments
    settings = ctypes.create_string_buffer(16384)  # OPENDMARC_LIB_T: int tld_type; then the path; zeros behind it are "no name servers"
    ctypes.c_int.from_buffer(settings).value = MOZILLA
    settings[4:4 + len(SUFFIXES)] = SUFFIXES
    assert dmarc.opendmarc_policy_library_init(settings) == 0, "libopendmarc does not start"
    dmarc.settings = settings  # it keeps the address
    return dmarc


def judge(dmarc, question) -> dict:
    for name, txt in question["txt"].items():
        dmarc.opendmarc_dns_fake_record(name.encode(), txt.encode())
    context = dmarc.opendmarc_policy_connect_init(b"192.0.2.1", IPV4)
    dmarc.opendmarc_policy_store_from_domain(context, question["from"].encode())
    result, domain = question["spf"]
    dmarc.opendmarc_policy_store_spf(context, domain.encode(), OUTCOMES[result], FROM_MAIL, b"")
    for result, domain in question["dkim"]:
        dmarc.opendmarc_policy_store_dkim(context, domain.encode(), b"s", OUTCOMES[result], b"")
    dmarc.opendmarc_policy_query_dmarc(context, question["from"].encode())
    result, policy = VERDICTS.get(dmarc.opendmarc_get_policy_to_enforce(context), ("error", ""))
    dkim, spf = ctypes.c_int(), ctypes.c_int()
    dmarc.opendmarc_policy_fetch_alignment(context, ctypes.byref(dkim), ctypes.byref(spf))
    dmarc.opendmarc_policy_connect_shutdown(context)
    return {"result": result, "policy": policy, "spf": spf.value == ALIGNED, "dkim": dkim.value == ALIGNED}


if __name__ == "__main__":
    loaded = library()
    for line in sys.stdin:
        print(json.dumps(judge(loaded, json.loads(line))), flush=True)
