#include <gtest/gtest.h>

#include <algorithm>

#include "config/load.hpp"
#include "config/settings.hpp"
#include "config/validate.hpp"

namespace postern::config {
namespace {

Loaded read(std::string_view toml, const Environment& environment = {}) { return parse(toml, "postern.toml", environment); }

TEST(Config, ReadsEveryKind) {
  const Loaded loaded = read(R"(
[server]
hostname = "mail.postern.example"
[database]
use_sqlcipher = true
[queue]
expire = "2d"
retry = ["1m", "5m"]
[limits]
recipients = 250
[[listener]]
kind = "submission"
tls = "implicit"
address = "127.0.0.1:0"
)");
  ASSERT_TRUE(loaded.faults.empty()) << loaded.faults.front().what;
  EXPECT_EQ(loaded.config.server.hostname, "mail.postern.example");
  EXPECT_TRUE(loaded.config.database.use_sqlcipher);
  EXPECT_EQ(loaded.config.queue.expire, std::chrono::hours(48));
  EXPECT_EQ(loaded.config.limits.recipients, 250U);
  ASSERT_EQ(loaded.config.listeners.size(), 1U);
  EXPECT_EQ(loaded.config.listeners[0].name, "submissions");
}

TEST(Config, EveryFaultIsNamedWithLineAndNearestSetting) {
  const Loaded loaded =
      read("[server]\nhostnme = \"x\"\nlog_level = \"loud\"\n[limits]\nrecipients = 0\n[[listener]]\nadress = \"127.0.0.1:25\"\n");
  ASSERT_EQ(loaded.faults.size(), 4U);
  EXPECT_EQ(loaded.faults[0].what, "postern.toml:2: server.hostnme is not a setting; did you mean server.hostname?");
  EXPECT_EQ(loaded.faults[1].what, "postern.toml:3: server.log_level is \"loud\"; must be one of: debug, info, warn, error");
  EXPECT_EQ(loaded.faults[2].what, "postern.toml:5: limits.recipients is 0; must be from 1 to 100000");
  EXPECT_EQ(loaded.faults[3].what, "postern.toml:7: listener[0].adress is not a setting; did you mean address?");
}

TEST(Config, EnvironmentOverridesAndIsChecked) {
  const Loaded good = read("", {{"POSTERN_SERVER__HOSTNAME", "a.example"},
                                {"POSTERN_SECURITY__SMIME__ENABLED", "false"},
                                {"POSTERN_DOMAINS__LOCAL", "A.example, b.example"},
                                {"POSTERN_CONFIG", "x"}});
  ASSERT_TRUE(good.faults.empty()) << good.faults.front().what;
  EXPECT_EQ(good.config.server.hostname, "a.example");
  EXPECT_FALSE(good.config.smime.enabled);
  EXPECT_EQ(good.config.domains.local, (std::vector<std::string>{"a.example", "b.example"}));
  const Loaded bad = read("", {{"POSTERN_SERVER__HOSTNAM", "a.example"}});
  ASSERT_EQ(bad.faults.size(), 1U);
  EXPECT_NE(bad.faults[0].what.find("did you mean server.hostname"), std::string::npos);
}

TEST(Config, WhatIsInsecureIsRefusedOrWarnedAbout) {
  EXPECT_EQ(read("[http]\naddress = \"0.0.0.0:8080\"").faults.size(), 1U);  // T7
  EXPECT_EQ(read("[[listener]]\naddress = \"0.0.0.0:25\"\nrelay_from = [\"0.0.0.0/0\"]").faults.size(), 1U);
  EXPECT_EQ(read("[[listener]]\nkind = \"submission\"\ntls = \"none\"\naddress = \"0.0.0.0:587\"").faults.size(), 1U);
  const Loaded loaded = read("[[listener]]\ntls = \"none\"\naddress = \"127.0.0.1:25\"");
  EXPECT_TRUE(loaded.faults.empty());
  EXPECT_EQ(loaded.warnings.front(), "listener mx: tls is none, mail may arrive in clear");
}

bool warns(const Loaded& loaded, std::string_view text) {
  return std::ranges::any_of(loaded.warnings, [&](const std::string& warning) { return warning.find(text) != std::string::npos; });
}

TEST(Config, ProductionWarnsOfItsConveniences) {
  const Loaded usual = read("[server]\nmode = \"production\"");
  EXPECT_TRUE(usual.faults.empty());
  EXPECT_TRUE(warns(usual, "tls.certificate: the built-in CA"));
  EXPECT_TRUE(warns(usual, "keys.root: file:root.key lies in data_dir"));
  EXPECT_TRUE(warns(usual, "http.address: HTTP without TLS"));  // T7
  for (const char* elsewhere : {"file:/etc/postern/root.key", "file:../root.key", "env:POSTERN_ROOT", "keychain:"})
    EXPECT_FALSE(warns(read("[keys]\nroot = \"" + std::string(elsewhere) + "\""), "keys.root")) << elsewhere;
  EXPECT_TRUE(warns(read("[keys]\nroot = \"file:/var/lib/postern/keys/root\""), "keys.root"));
  EXPECT_FALSE(warns(read("[storage]\ndata_dir = \"/srv/postern\"\n[keys]\nroot = \"file:/srv/postern-keys/root\""), "keys.root"));
  const Loaded development = read("[server]\nmode = \"development\"");
  EXPECT_TRUE(warns(development, "development mode"));
  EXPECT_FALSE(warns(development, "built-in CA issues") || warns(development, "keys.root"));
  // What is refused is refused in development too.
  EXPECT_EQ(read("[server]\nmode = \"development\"\n[http]\naddress = \"[::]:8080\"").faults.size(), 1U);  // T7
}

TEST(Config, SecretsAreReferences) {
  for (const char* bad : {"", "/etc/root.key", "file:", "env:", "keychain", "vault:x"})
    EXPECT_EQ(read("[keys]\nroot = \"" + std::string(bad) + "\"").faults.size(), 1U) << bad;
  EXPECT_EQ(read("[database]\nuse_sqlcipher = true\nsqlcipher_key_ref = \"secret\"").faults.size(), 1U);
  EXPECT_TRUE(warns(read("[database]\nuse_sqlcipher = true\nsqlcipher_key_ref = \"env:X\"\n[keys]\nroot = \"env:X\""), "are one secret"));
}

TEST(Config, WhatNeedsTlsRequiresIt) {
  const std::string hop = "[[route]]\ndomain = \"a.example\"\nvia = \"smtp:mx.example:25\"\n";
  const std::string pins = "pins = [\"sha256:" + std::string(64, 'a') + "\"]\n";
  const std::string login = "username = \"me\"\npassword_ref = \"env:X\"\n";
  EXPECT_EQ(read(hop).config.routes[0].tls, "opportunistic");
  for (const std::string& needs : {pins, login, std::string("client_certificate = \"c\"\nclient_key = \"k\"\n")}) {
    const Loaded loaded = read(hop + needs);
    EXPECT_TRUE(loaded.faults.empty()) << loaded.faults.front().what;
    EXPECT_EQ(loaded.config.routes[0].tls, "required") << needs;
    const Loaded none = read(hop + needs + "tls = \"none\"\n");
    ASSERT_EQ(none.faults.size(), 1U) << needs;
    EXPECT_NE(none.faults[0].what.find("route a.example"), std::string::npos) << none.faults[0].what;
    EXPECT_EQ(read(hop + needs + "tls = \"required\"\n").faults.size(), 0U);
  }
  EXPECT_EQ(read(hop + login + "tls = \"opportunistic\"\n").faults.size(), 1U);
  EXPECT_EQ(read("[[route]]\nvia = \"mx\"\n" + login).faults.size(), 1U);
  const Loaded pinned = read(hop + pins + "tls = \"opportunistic\"\n");
  EXPECT_TRUE(pinned.faults.empty());
  EXPECT_EQ(pinned.config.routes[0].tls, "required");
}

TEST(Config, WeakerRoutesShowAWarning) {
  const std::string hop = "[[route]]\ndomain = \"a.example\"\nvia = \"smtp:mx.example:25\"\n";
  const auto warnings = [](const std::string& text) {
    std::string all;
    for (const auto& each : read(text).warnings) all += each + "\n";
    return all;
  };
  EXPECT_EQ(warnings(hop).find("route"), std::string::npos);
  EXPECT_NE(warnings(hop + "min_tls = \"1.2\"\n").find("route a.example: TLS 1.2 is accepted"), std::string::npos);
  EXPECT_NE(warnings(hop + "verify_name = false\n").find("route a.example: any name"), std::string::npos);
}

TEST(Config, ShowIsReadBackAsTheSameConfiguration) {
  const Loaded first =
      read("[server]\nhostname = \"m.example\"\n[[route]]\ndomain = \"*\"\nvia = \"smtp:127.0.0.1:26\"\npins = [\"sha256:" +
           std::string(64, 'a') + "\"]\n[[policy]]\nto = \"*@p.example\"\nencrypt = \"must\"\n");
  ASSERT_TRUE(first.faults.empty()) << first.faults.front().what;
  const Loaded second = read(show(first.config));
  ASSERT_TRUE(second.faults.empty()) << second.faults.front().what;
  EXPECT_EQ(show(second.config), show(first.config));
}

TEST(Config, EverySettingIsDocumented) {
  for (const auto& row : scalar_settings()) {
    EXPECT_GT(row.help.size(), 15U) << row.name;
    EXPECT_NE(reference().find("`" + std::string(row.name) + "`"), std::string::npos);
  }
}

TEST(Config, HostPortForms) {
  EXPECT_EQ(parse_host_port("[::1]:25")->host, "::1");
  EXPECT_EQ(parse_host_port("mail.example:0")->port, 0);
  for (const char* bad : {"", ":25", "host", "host:", "host:99999", "::1:25", "host:2x"}) EXPECT_FALSE(parse_host_port(bad)) << bad;
}

TEST(Config, AnExternalVaultIsCompleteAndOfOneMind) {
  const std::string good =
      "[keys]\nbackend = \"vault\"\n[keys.vault]\naddress = [\"https://vault.example:8200\"]\nrole_id = \"file:r\"\nsecret_id = "
      "\"env:S\"\n";
  const Loaded loaded = read(good);
  ASSERT_TRUE(loaded.faults.empty()) << loaded.faults.front().what;
  EXPECT_EQ(loaded.config.vault.address, std::vector<std::string>{"https://vault.example:8200"});
  EXPECT_EQ(loaded.config.vault.data_key_life, std::chrono::minutes(10));
  const auto fault = [&](const std::string& more, std::string text) {
    const Loaded bad = read((text.empty() ? good : text) + more);
    std::string all;
    for (const auto& each : bad.faults) all += each.what + "\n";
    return all;
  };
  const std::string bare = "[keys]\nbackend = \"vault\"\n[keys.vault]\n";
  EXPECT_NE(fault("", bare).find("keys.vault.address is missing"), std::string::npos);
  EXPECT_NE(fault("", bare).find("keys.vault.role_id"), std::string::npos);
  const auto with_address = [&](const std::string& url) {
    return fault("", bare + "role_id = \"file:r\"\nsecret_id = \"env:S\"\naddress = [\"" + url + "\"]\n");
  };
  for (const char* url :
       {"http://127.0.0.1:8200", "http://[::1]:8200", "http://localhost:8200", "https://vault.example", "https://[2001:db8::1]:8200/"})
    EXPECT_EQ(with_address(url), "") << url;
  for (const char* url : {"http://vault.example:8200", "vault.example:8200", "ftp://vault.example", "https://vault.example/v1",
                          "https://a@vault.example", "https://", "", "http://127.0.0.1.evil.example:8200", "https://vault.example?x"})
    EXPECT_NE(with_address(url), "") << url;
  EXPECT_NE(fault("token_file = \"t\"\n", "").find("choose one way"), std::string::npos);
  EXPECT_NE(fault("auth = \"token_file\"\n", "").find("token_file is missing"), std::string::npos);
  EXPECT_NE(fault("client_key = \"k\"\n", "").find("belong together"), std::string::npos);
  EXPECT_NE(fault("mount = \"../sys\"\n", "").find("keys.vault.mount"), std::string::npos);
  EXPECT_NE(fault("namespace = \"a/../b\"\n", "").find("keys.vault.namespace"), std::string::npos);
  EXPECT_NE(fault("timeout = \"2m\"\n", "").find("from 1s to 60s"), std::string::npos);
  EXPECT_NE(fault("data_key_uses = 0\n", "").find("data_key_uses"), std::string::npos);
  EXPECT_NE(fault("key_life = \"2d\"\n", "").find("keys.vault.key_life"), std::string::npos);
  const Loaded unused = read("[keys.vault]\naddress = [\"https://vault.example\"]\n");
  EXPECT_TRUE(unused.faults.empty());
  EXPECT_TRUE(std::ranges::any_of(unused.warnings, [](const auto& w) { return w.find("keys.vault is not used") != std::string::npos; }));
}

TEST(Config, RotationHasADefaultAndOverrides) {
  const Loaded loaded = read(R"(
[keys.rotation]
period = "30d"
keys = { dkim_key = "never", "api_hmac_key" = "7d" }
archive = "after-rewrap"
)");
  ASSERT_TRUE(loaded.faults.empty()) << loaded.faults.front().what;
  EXPECT_EQ(loaded.config.keys.rotation_period, "30d");
  EXPECT_EQ(loaded.config.keys.rotation_keys, (std::map<std::string, std::string>{{"api_hmac_key", "7d"}, {"dkim_key", "never"}}));
  EXPECT_NE(show(loaded.config).find("keys = { \"api_hmac_key\" = \"7d\", \"dkim_key\" = \"never\" }"), std::string::npos);
  const Loaded again = read(show(loaded.config));
  EXPECT_EQ(again.config.keys.rotation_keys, loaded.config.keys.rotation_keys);
  const Loaded table = read("[keys.rotation.keys]\ndkim_key = \"never\"\n", {{"POSTERN_KEYS__ROTATION__PERIOD", "1d"}});
  ASSERT_TRUE(table.faults.empty()) << table.faults.front().what;
  EXPECT_EQ(table.config.keys.rotation_keys.size(), 1U);
  const Loaded environment = read("", {{"POSTERN_KEYS__ROTATION__KEYS", "a=1d, b = never"}});
  ASSERT_TRUE(environment.faults.empty()) << environment.faults.front().what;
  EXPECT_EQ(environment.config.keys.rotation_keys, (std::map<std::string, std::string>{{"a", "1d"}, {"b", "never"}}));
  for (const char* bad : {"[keys.rotation]\nperiod = \"soon\"", "[keys.rotation]\nperiod = 0", "[keys.rotation]\nkeys = { a = 1 }",
                          "[keys.rotation]\nkeys = { a = \"sometimes\" }", "[keys.rotation]\nkeys = [\"a\"]",
                          "[keys.rotation]\nkeys = { \"a/b\" = \"1d\" }", "[keys.rotation]\ndkim = \"now\""})
    EXPECT_EQ(read(bad).faults.size(), 1U) << bad;
}

TEST(Config, AnInterfaceIsANameAndOfWhatHasOne) {
  const Loaded good = read(
      "[http]\ninterface = \"lo\"\n[http.tls]\ninterface = \"wg0\"\n[[listener]]\naddress = \"127.0.0.1:25\"\ninterface = \"wg0\"\n"
      "network_namespace = \"mail\"\n[[route]]\nvia = \"smtp:10.7.0.2:25\"\ninterface = \"tailscale0\"\n");
  ASSERT_TRUE(good.faults.empty()) << good.faults.front().what;
  EXPECT_EQ(good.config.listeners[0].interface, "wg0");
  EXPECT_EQ(good.config.listeners[0].network_namespace, "mail");
  EXPECT_EQ(good.config.routes[0].interface, "tailscale0");
  for (const char* bad :
       {"[[listener]]\naddress = \"127.0.0.1:25\"\ninterface = \"sixteen-letters-\"", "[[route]]\nvia = \"mx\"\ninterface = \"wg 0\"",
        "[[route]]\nvia = \"mailbox\"\ninterface = \"wg0\"", "[[route]]\nvia = \"file:out\"\ninterface = \"wg0\"",
        "[http.tls]\ninterface = \"../wg0\"", "[[route]]\nvia = \"mx\"\nnetwork_namespace = \"mail\"",
        "[[listener]]\nkind = \"milter\"\naddress = \"unix:/run/m.sock\"\ntls = \"none\"\ninterface = \"wg0\""})
    EXPECT_EQ(read(bad).faults.size(), 1U) << bad;
}

TEST(Config, AnMtaHookHasAPathAndATokenThatNobodyGuesses) {
  const auto hook = [](const std::string& path, const std::string& secret, const std::string& more = {}) {
    return read("[mta_hook]\nenabled = true\npath = \"" + path + "\"\nsecret_ref = \"" + secret + "\"\n" + more);
  };
  const std::string word = "q7w-Xc81_kLm20vZ";
  const Loaded good = hook(word, "env:HOOK", "relay_from = [\"10.0.0.0/8\"]");
  ASSERT_TRUE(good.faults.empty()) << good.faults.front().what;
  EXPECT_EQ(good.config.mta_hook.path, word);
  for (const std::string& path : {std::string(), word.substr(1), word + "/x", word + "%2F", std::string(129, 'x')}) {
    const Loaded bad = hook(path, "file:hook");
    ASSERT_EQ(bad.faults.size(), 1U) << path;
    EXPECT_EQ(bad.faults.front().field, "mta_hook.path");
  }
  for (const char* secret : {"", "env:", "file:", "the token itself"}) EXPECT_EQ(hook(word, secret).faults.size(), 1U) << secret;
  EXPECT_EQ(hook(word, "env:HOOK", "relay_from = [\"::/0\"]").faults.size(), 1U);
  EXPECT_TRUE(read("[mta_hook]\npath = \"short\"").faults.empty()) << "off: nobody is asked";
}

TEST(Config, TenantsHaveDomainsAndKeysOfTheirOwn) {
  const std::string local = "[domains]\nlocal = [\"a.example\", \"b.example\"]\n";
  const Loaded good = read(local +
                           "[[tenant]]\nname = \"a\"\ndomains = [\"A.example\"]\n[[tenant]]\nname = \"b\"\ndomains = "
                           "[\"b.example\"]\nstorage_key = \"b_key\"\n");
  ASSERT_TRUE(good.faults.empty()) << good.faults.front().what;
  EXPECT_EQ(good.config.tenants[0].storage_key, "tenant_a_storage");
  EXPECT_EQ(good.config.tenants[1].storage_key, "b_key");
  for (const char* bad :
       {"[[tenant]]\nname = \"a b\"\ndomains = [\"a.example\"]", "[[tenant]]\nname = \"a\"",
        "[[tenant]]\nname = \"a\"\ndomains = [\"c.example\"]", "[[tenant]]\nname = \"a\"\ndomains = [\"a.example\", \"a.example\"]",
        "[[tenant]]\nname = \"a\"\ndomains = [\"a.example\"]\nstorage_key = \"mail_storage_key\"",
        "[[tenant]]\nname = \"a\"\ndomains = [\"a.example\"]\nstorage_key = \"k\"\n[[tenant]]\nname = \"b\"\ndomains = "
        "[\"b.example\"]\nstorage_key = \"k\""})
    EXPECT_EQ(read(local + bad).faults.size(), 1U) << bad;
}

TEST(Config, AUserWhomTheMtaCallsHasAnAddressAndAPassword) {
  const std::string mta = "[x400]\ndomain = \"C=DE;A= ;P=ORG\"\n";
  const std::string user =
      "[[x400_called_user]]\nuser = \"C=DE;A= ;P=ORG;S=Doe\"\naddress = \"p3@doe.example:102\"\npassword_ref = \"file:words\"\n";
  const Loaded loaded = read(mta + user + "reliable = true\n");
  ASSERT_TRUE(loaded.faults.empty()) << loaded.faults.front().what;
  EXPECT_TRUE(loaded.config.x400_called_users.at(0).reliable);
  EXPECT_EQ(read(show(loaded.config)).config.x400_called_users.at(0).address, "p3@doe.example:102");
  EXPECT_EQ(read(user).faults.size(), 1U) << "without an MTA";
  EXPECT_EQ(read(mta + "[[x400_called_user]]\ntls = \"required\"\n").faults.size(), 3U);
  EXPECT_EQ(read(mta + user + user).faults.size(), 2U) << "twice";
  EXPECT_EQ(read(mta + user + "pins = [\"abc\"]").faults.size(), 1U);
  EXPECT_TRUE(warns(read(mta + user + "verify_name = false\n"), "x400_called_user[0].verify_name"));
  EXPECT_TRUE(warns(read(mta + user + "tls = \"none\"\n"), "x400_called_user[0].tls"));
  EXPECT_FALSE(warns(loaded, "x400_called_user"));
}

TEST(Config, TwoUsersWhomTheMtaCallsNeedTwoPasswords) {  // each learns what he is shown
  const std::string mta = "[x400]\ndomain = \"C=DE;A= ;P=ORG\"\n";
  const auto user = [](const std::string& name, const std::string& words) {
    return "[[x400_called_user]]\nuser = \"C=DE;A= ;P=ORG;S=" + name +
           "\"\naddress = \"p3@doe.example:102\"\npassword_ref = \"file:" + words + "\"\n";
  };
  const Loaded same = read(mta + user("Doe", "words") + user("Roe", "words"));
  EXPECT_TRUE(same.faults.empty());
  for (const char* one : {"x400_called_user[0].password_ref", "x400_called_user[1].password_ref"}) EXPECT_TRUE(warns(same, one)) << one;
  EXPECT_FALSE(warns(read(mta + user("Doe", "words") + user("Roe", "others")), "x400_called_user"));
}

TEST(Config, TheX400SideKeepsItsNames) {
  const Loaded loaded = read(R"(
[transport]
mode = "sdk"
profiles_dir = "x400/profiles"
fingerprints = ["sha256:0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"]
[transport.tls]
enabled = true
min_version = "1.2"
ca_bundle = "ca.pem"
client_certificate = "c.pem"
client_key = "k.pem"
ocsp_responder = "http://ocsp.example/"
enforce_pinset = true
[transport.sdk]
library_path = "/opt/vendor/x400.so"
preferred_profile = "ops"
connect_timeout_ms = 2500
operation_timeout_ms = 60000
[submit]
default_strategy = 3
[tracing]
trace_bundle_path = "trace.zip"
[security.smime]
enabled = false
certificates_dir = "profiles/certs"
)");
  ASSERT_TRUE(loaded.faults.empty()) << loaded.faults.front().what;
  EXPECT_EQ(loaded.config.transport.sdk.library_path, "/opt/vendor/x400.so");
  EXPECT_EQ(loaded.config.transport.sdk.connect_timeout_ms, 2500);
  EXPECT_EQ(loaded.config.submit.default_strategy, 3);
  EXPECT_TRUE(warns(loaded, "TLS 1.2 is accepted of X.400 peers"));
  EXPECT_EQ(Config{}.transport.mode, "mock");
}

TEST(Config, TheVendorsLibraryAndProfileHaveTheirOwnVariables) {
  const std::string file = "[transport]\nmode = \"sdk\"\n[transport.sdk]\nlibrary_path = \"/a.so\"\npreferred_profile = \"a\"\n";
  const Loaded loaded =
      read(file, {{"X400_SDK_LIBRARY", "/b.so"}, {"X400_SDK_PROFILE", "b"}, {"POSTERN_TRANSPORT__SDK__LIBRARY_PATH", "/c.so"}});
  ASSERT_TRUE(loaded.faults.empty()) << loaded.faults.front().what;
  EXPECT_EQ(loaded.config.transport.sdk.library_path, "/b.so");
  EXPECT_EQ(loaded.config.transport.sdk.preferred_profile, "b");
  EXPECT_TRUE(read("[transport]\nmode = \"sdk\"", {{"X400_SDK_LIBRARY", "/b.so"}}).faults.empty());
}

TEST(Config, WhoSendsAndReceivesOverOneAssociationIsKnownByMoreThanAPassword) {
  const std::string mta = "[x400]\ndomain = \"C=DE;A= ;P=ACME\"\n";
  const std::string peer = mta +
                           "[[x400_peer]]\nname = \"south\"\ndomain = \"C=GB;A=GOLD;P=SOUTH\"\ndialogue = \"alternate\"\n"
                           "peer_password_ref = \"env:A\"\n";
  const Loaded unsure = read(peer);
  ASSERT_EQ(unsure.faults.size(), 1U);
  EXPECT_EQ(unsure.faults.front().field, "x400_peer[0].pins");
  EXPECT_TRUE(read(peer + "pins = [\"sha256:" + std::string(64, 'a') + "\"]\n").faults.empty());
  EXPECT_TRUE(read(peer + "tls = \"none\"\n").faults.empty()) << "nothing is sure there, which is warned of";
}

TEST(Config, RevocationOfOneThatIsCalled) {
  const std::string mta = "[x400]\ndomain = \"C=DE;A= ;P=ACME\"\n";
  const std::string peer = mta +
                           "[[x400_peer]]\nname = \"south\"\ndomain = \"C=GB;A=GOLD;P=SOUTH\"\npeer_password_ref = \"env:A\"\n"
                           "revocation = \"hard\"\n";
  const std::string called = "address = \"x@mta.example.net:102\"\n", pins = "pins = [\"sha256:" + std::string(64, 'a') + "\"]\n";
  const Loaded loaded = read(peer + called);
  EXPECT_TRUE(loaded.faults.empty());
  EXPECT_EQ(loaded.config.x400_peers.front().revocation, "hard");
  const std::string user = mta +
                           "[[x400_called_user]]\nuser = \"C=DE;A= ;P=ACME;S=Doe\"\naddress = \"x@host.example.net:102\"\n"
                           "password_ref = \"env:A\"\nrevocation = \"off\"\n";
  EXPECT_TRUE(read(user).faults.empty());
  for (const std::string& vain : {peer, peer + called + pins, peer + called + "tls = \"none\"\n", user + pins, user + "tls = \"none\"\n"}) {
    const Loaded refused = read(vain);
    ASSERT_EQ(refused.faults.size(), 1U) << vain;
    EXPECT_NE(refused.faults.front().what.find("means nothing"), std::string::npos) << refused.faults.front().what;
  }
  EXPECT_EQ(read(peer + called + "verify_name = true\n[[x400_peer]]\nname = \"n\"\nrevocation = \"maybe\"\n").faults.front().field,
            "x400_peer[1].revocation");
}

TEST(Config, StrongCredentialsOfPeersAndUsers) {
  const std::string mta = "[x400]\ndomain = \"C=DE;A= ;P=ACME\"\n";
  const std::string peer = "[[x400_peer]]\nname = \"south\"\ndomain = \"C=GB;A=GOLD;P=SOUTH\"\n";
  const std::string strong = peer + "credentials = \"strong\"\n", pins = "strong_pins = [\"sha256:" + std::string(64, 'a') + "\"]\n";
  const std::string user = "[[x400_user]]\naddress = \"C=DE;A= ;P=ACME;S=Doe\"\n";
  for (const std::string& good : {strong + pins, user + "ca = \"ca.pem\"\nsubject = \"CN=Doe\"\n",
                                  strong + "strong_ca = \"ca.pem\"\nstrong_subject = \"CN=south\"\n"}) {
    const Loaded loaded = read(mta + good);
    EXPECT_TRUE(loaded.faults.empty()) << good << loaded.faults.front().what;
  }
  const auto fault_of = [&](const std::string& toml) {
    const Loaded loaded = read(mta + toml);
    return loaded.faults.size() == 1 ? loaded.faults.front().what : std::to_string(loaded.faults.size()) + " faults";
  };
  EXPECT_NE(fault_of(strong + "mode = \"1984\"\n" + pins).find("carries a password and no token"), std::string::npos);
  EXPECT_NE(fault_of(strong + "mode = \"x410\"\n" + pins).find("no room for a certificate"), std::string::npos);
  EXPECT_NE(fault_of(strong + "password_ref = \"env:A\"\n" + pins).find("passwords count for nothing"), std::string::npos);
  EXPECT_NE(fault_of(strong).find("strong_pins is needed"), std::string::npos) << fault_of(strong);
  EXPECT_NE(fault_of(strong + "strong_ca = \"ca.pem\"\n").find("strong_subject and"), std::string::npos) << "anybody of the store";
  EXPECT_NE(fault_of(peer + "peer_password_ref = \"env:A\"\n" + pins).find("must be \"strong\""), std::string::npos);
  EXPECT_NE(fault_of(user).find("pins is needed"), std::string::npos);
  EXPECT_NE(fault_of(user + "pins = [\"abc\"]\n").find("64 hexadecimal digits"), std::string::npos);
  EXPECT_NE(fault_of("strong.key = \"k\"\n").find("belong together"), std::string::npos);
  EXPECT_NE(fault_of("strong.clock_skew = \"0s\"\n").find("ever be of now"), std::string::npos);
}

TEST(Config, WhatCannotBeOfTheX400SideIsSaid) {
  const auto fault_of = [](const std::string& toml) {
    const Loaded loaded = read(toml);
    return loaded.faults.size() == 1 ? loaded.faults.front().what : std::to_string(loaded.faults.size()) + " faults";
  };
  EXPECT_NE(fault_of("[transport]\nmode = \"smoke\"").find("mock, native, sdk"), std::string::npos);
  EXPECT_NE(fault_of("[transport]\nmode = \"sdk\"").find("X400_SDK_LIBRARY"), std::string::npos);
  EXPECT_NE(fault_of("[transport]\nfingerprints = [\"abc\"]").find("64 hexadecimal digits"), std::string::npos);
  EXPECT_NE(fault_of("[transport.tls]\nclient_key = \"k\"").find("belong together"), std::string::npos);
  EXPECT_NE(fault_of("[transport.tls]\nocsp_responder = \"ocsp.example\"").find("must be a URL"), std::string::npos);
  EXPECT_NE(fault_of("[transport.sdk]\nconnect_timeout_ms = 5").find("from 100 to 600000"), std::string::npos);
  EXPECT_NE(fault_of("[submit]\ndefault_strategy = 6").find("from 0 to 5"), std::string::npos);
  EXPECT_TRUE(warns(read("[transport]\nmode = \"native\"\n[transport.tls]\nenabled = false"), "travel in clear"));
}

TEST(Config, DistributionListsNeedWhatTheirSettingsSay) {
  const Loaded loaded = read(R"(
[x400]
domain = "C=DE;A= ;P=NORTH"
[[x400_list]]
address = "C=DE;A= ;P=NORTH;CN=staff"
members_file = "staff.txt"
submit = "listed"
reports = "both"
[[x400_list]]
submitters = ["C=DE;A= ;P=NORTH;S=A"]
)");
  ASSERT_EQ(loaded.config.x400_lists.size(), 2U);
  EXPECT_EQ(loaded.config.x400_lists[0].members_file, "staff.txt");
  std::vector<std::string> fields;
  for (const Error& fault : loaded.faults) fields.push_back(fault.field);
  for (const char* field :
       {"x400_list[0].submitters", "x400_list[0].owner", "x400_list[1].address", "x400_list[1].members", "x400_list[1].submitters"})
    EXPECT_EQ(std::ranges::count(fields, field), 1) << field;
}

}  // namespace
}  // namespace postern::config
