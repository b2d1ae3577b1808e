"""libspf2, loaded from Debian's shared library over a zone of its own instead of the DNS. It runs as a process of its own, since what a
hostile record breaks there must not take the tests with it:  python3 peers/libspf2.py < JSON lines."""

import ctypes
import json
import sys

LIBRARY = "libspf2.so.2"
TYPES = {"A": 1, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
OK, TRY_AGAIN, NO_DATA = 0, 2, 4  # SPF_dns_stat_t: the h_errno of netdb.h
SPF_E_DNS_ERROR = 26  # SPF_errcode_t
RESULTS = ("invalid", "neutral", "pass", "fail", "softfail", "none", "temperror", "permerror")  # SPF_result_t


def verdicts(questions) -> list[str]:
    """Each question: {"zone": the fixture's "records", "ip", "helo", "sender"}."""
    from . import jsonlines
    return [answer["result"] for answer in jsonlines.ask(["/usr/bin/python3", __file__], questions)]


def library():
    spf = ctypes.CDLL(LIBRARY)
    pointer, text, integer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
            ("SPF_dns_zone_new", pointer, [pointer, text, integer]), ("SPF_dns_zone_add_str", integer, [pointer, text, integer, integer, text]),
            ("SPF_server_new_dns", pointer, [pointer, integer]), ("SPF_server_free", None, [pointer]), ("SPF_server_set_rec_dom", integer, [pointer, text]),
            ("SPF_request_new", pointer, [pointer]), ("SPF_request_free", None, [pointer]), ("SPF_request_set_ipv4_str", integer, [pointer, text]),
            ("SPF_request_set_ipv6_str", integer, [pointer, text]), ("SPF_request_set_helo_dom", integer, [pointer, text]),
            ("SPF_request_set_env_from", integer, [pointer, text]), ("SPF_request_query_mailfrom", integer, [pointer, ctypes.POINTER(pointer)]),
            ("SPF_response_result", integer, [pointer]), ("SPF_response_free", None, [pointer])):
        function = getattr(spf, name)
        function.restype, function.argtypes = result, arguments
    return spf


def add(spf, zone, name, record):
    kind, data = record.get("type"), record.get("data", "")
    wanted = [kind] if kind else list(TYPES)
    for one in wanted:
        if record.get("timeout"):
            spf.SPF_dns_zone_add_str(zone, name.encode(), TYPES[one], TRY_AGAIN, None)
        else:
            spf.SPF_dns_zone_add_str(zone, name.encode(), TYPES[one], OK, ("".join(data) if isinstance(data, list) else data).encode())


def judge(spf, question) -> str:
    zone = spf.SPF_dns_zone_new(None, b"tests", 0)
    for name, records in question["zone"].items():
        for record in sorted(records, key=lambda one: one.get("pref", 0)):  # its zone has no preferences
            if record.get("type", "A") in TYPES:
                add(spf, zone, name, record)
    server = spf.SPF_server_new_dns(zone, 0)
    spf.SPF_server_set_rec_dom(server, b"mx.receiver.example")
    request = spf.SPF_request_new(server)
    setter = spf.SPF_request_set_ipv6_str if ":" in question["ip"] else spf.SPF_request_set_ipv4_str
    setter(request, question["ip"].encode())
    spf.SPF_request_set_helo_dom(request, question["helo"].encode())
    if question["sender"]:
        spf.SPF_request_set_env_from(request, question["sender"].encode())
    response = ctypes.c_void_p()
    error = spf.SPF_request_query_mailfrom(request, ctypes.byref(response))
    result = RESULTS[spf.SPF_response_result(response)] if response else "invalid"
    if result == "invalid":  # it could not read the first record, and says so by this number alone
        result = "temperror" if error == SPF_E_DNS_ERROR else "permerror"
    spf.SPF_response_free(response)
    spf.SPF_request_free(request)
    spf.SPF_server_free(server)
    return result


if __name__ == "__main__":
    loaded = library()
    for line in sys.stdin:
        print(json.dumps({"result": judge(loaded, json.loads(line))}), flush=True)
