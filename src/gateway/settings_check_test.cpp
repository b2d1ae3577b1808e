// What posternd and `postern config check` say of settings before anything is made.
#include "gateway/settings_check.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::gateway {
namespace {

config::Loaded check(const std::string& toml) {
  config::Loaded loaded = config::parse(toml, "postern.toml", {});
  EXPECT_TRUE(loaded.faults.empty()) << loaded.faults.front().what;
  loaded.warnings.clear();
  if (loaded.faults.empty()) check_settings(loaded);
  return loaded;
}

/// The only fault; "" where there is none.
std::string fault_of(const std::string& toml) {
  const config::Loaded loaded = check(toml);
  EXPECT_LE(loaded.faults.size(), 1U) << toml << "\n" << loaded.faults.back().what;
  return loaded.faults.empty() ? "" : loaded.faults.front().what;
}

std::string signer(const std::string& domain, const std::string& selector, const std::string& key, const std::string& more = {}) {
  return "[[dkim]]\ndomain = \"" + domain + "\"\nselector = \"" + selector + "\"\nkey = \"" + key + "\"\n" + more + "\n";
}

std::string listener(const std::string& name, const std::string& address, const std::string& more = {}) {
  return "[[listener]]\nkind = \"mx\"\nname = \"" + name + "\"\naddress = \"" + address + "\"\n" + more + "\n";
}

TEST(SettingsCheck, DefaultsAreGood) {
  EXPECT_EQ(fault_of(""), "");
  EXPECT_TRUE(check("").warnings.empty());
}

TEST(SettingsCheck, VerdictRulesAreReadAsTheDaemonReadsThem) {
  const auto rule = [](const std::string& text) { return fault_of("[[verdict]]\naction = \"reject\"\n" + text); };
  EXPECT_EQ(rule("when = [\"dkim=pass\", \"spf!=fail\"]\nfrom = \"*@bank.example\""), "");
  EXPECT_EQ(rule("when = [\"dkim=bogus\"]"),
            "verdict[0].when: \"dkim=bogus\" has no such result; dkim is one of none pass fail policy neutral temperror permerror ");
  EXPECT_EQ(rule("when = [\"spf\"]"), "verdict[0].when: \"spf\" must be METHOD=RESULT or METHOD!=RESULT, like spf=fail or dkim!=pass");
  EXPECT_EQ(rule("when = [\"arc=temperror\"]"), "verdict[0].when: \"arc=temperror\" has no such result; arc is one of none pass fail ");
  EXPECT_TRUE(rule("from = \"bank.example\"").starts_with("verdict[0].from "));
  const std::string two = "[[verdict]]\naction = \"reject\"\nwhen = [\"spf\"]\n";
  EXPECT_EQ(check(two + two).faults.size(), 2U) << "every rule is looked at";
}

TEST(SettingsCheck, NamesThatCannotSignAreFaults) {
  EXPECT_EQ(fault_of(signer("example.org", "s2026", "k", "alternate = \"t2026\"\ndelegate = \"keys.example.net\"")), "");
  EXPECT_EQ(fault_of(signer("example.org", "s s", "k")),
            "dkim[0].selector is \"s s\", not a selector; use letters, digits, '-' and dots, such as s2026");
  EXPECT_EQ(fault_of(signer("example.org", "s", "k", "alternate = \"a;b\"")),
            "dkim[0].alternate is \"a;b\", not a selector; use letters, digits, '-' and dots, such as s2026");
  EXPECT_EQ(fault_of(signer("not a domain", "s", "k")),
            "dkim[0].domain is \"not a domain\", not a domain name; write it like example.org, or in xn-- labels");
  EXPECT_TRUE(fault_of(signer("example.org.", "s", "k")).starts_with("dkim[0].domain is \"example.org.\""));
  EXPECT_TRUE(fault_of(signer("example.org", "s", "k", "delegate = \"not a zone\"")).starts_with("dkim[0].delegate is \"not a zone\""));
  EXPECT_TRUE(fault_of(signer("example.org", "s", "a/b")).starts_with("dkim[0].key is \"a/b\""));
}

TEST(SettingsCheck, TwoRecordsUnderOneNameAreAFault) {
  EXPECT_EQ(fault_of(signer("example.org", "s", "k") + signer("Example.ORG", "S", "l")),
            "dkim[1].selector is \"S\", as dkim[0].selector is: two records under s._domainkey.example.org are used by nobody; choose "
            "another one");
  EXPECT_TRUE(fault_of(signer("example.org", "s", "k", "alternate = \"t\"") + signer("example.org", "T", "l"))
                  .starts_with("dkim[1].selector is \"T\", as dkim[0].alternate is"));
  EXPECT_TRUE(fault_of(signer("example.org", "t", "k") + signer("example.org", "s", "l", "alternate = \"t\""))
                  .starts_with("dkim[1].alternate is \"t\", as dkim[0].selector is"));
  EXPECT_EQ(fault_of(signer("example.org", "s", "k") + signer("example.net", "s", "l") + signer("example.org", "t", "k")), "");
}

TEST(SettingsCheck, TwoDelegatedRecordsAtOnePlaceAreAFault) {
  const std::string there = "delegate = \"keys.example.net\"";
  EXPECT_EQ(
      fault_of(signer("example.org", "s.a", "k", there) + signer("a.example.org", "s", "l", there)),
      "dkim[1].selector is \"s\", whose record would stand at s.a.example.org.keys.example.net beside that of dkim[0].selector; choose "
      "another one");
  EXPECT_TRUE(fault_of(signer("b", "a", "k", "delegate = \"_domainkey.example.org\"") + signer("example.org", "a.b", "l"))
                  .starts_with("dkim[1].selector is \"a.b\", as dkim[0].selector is"));
}

TEST(SettingsCheck, TwoEqualSignersAreAWarning) {
  const config::Loaded loaded = check(signer("example.org", "s", "k") + signer("example.org", "S", "k"));
  EXPECT_TRUE(loaded.faults.empty());
  ASSERT_EQ(loaded.warnings.size(), 1U);
  EXPECT_TRUE(loaded.warnings[0].starts_with("dkim[1].selector is that of dkim[0].selector")) << loaded.warnings[0];
}

TEST(SettingsCheck, ASelectorThatALaterVersionWillTakeIsAWarning) {
  const auto warnings = [](const std::string& toml) {
    const config::Loaded loaded = check(toml);
    EXPECT_TRUE(loaded.faults.empty());
    return loaded.warnings;
  };
  const auto said = warnings(signer("example.org", "a-v2", "k") + signer("example.org", "A", "l"));
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0],
            "dkim[0] has the selector a-v2, under which a later version of the key of dkim[1] will sign; rename it, or give dkim[1] an "
            "alternate");
  EXPECT_TRUE(warnings(signer("example.org", "a-v2", "k") + signer("example.net", "a", "l")).empty());
  EXPECT_TRUE(warnings(signer("example.org", "a-v2", "k") + signer("example.org", "a", "l", "alternate = \"b\"")).empty());
  EXPECT_TRUE(warnings(signer("example.org", "a-v2", "k") + signer("example.org", "a", "l", "version = 1")).empty());
  EXPECT_TRUE(warnings(signer("example.org", "a-v2", "k", "version = 2") + signer("example.org", "a", "k")).empty()) << "its own version";
  EXPECT_TRUE(warnings(signer("example.org", "a-vx", "k") + signer("example.org", "a", "l")).empty());
}

TEST(SettingsCheck, AKeyHasOneKind) {
  const std::string rsa = "algorithm = \"rsa-sha256\"";
  EXPECT_EQ(fault_of(signer("example.org", "s", "k") + signer("example.org", "t", "k")), "");
  EXPECT_EQ(fault_of(signer("example.org", "s", "k") + signer("example.org", "t", "k", rsa)),
            "dkim[1].key is k, which is a key for ed25519-sha256 (dkim[0].key) and not for rsa-sha256; name another one");
  EXPECT_TRUE(
      fault_of(signer("example.org", "s", "dkim_key", rsa)).starts_with("dkim[0].key is dkim_key, which is a key for ed25519-sha256"));
  EXPECT_EQ(fault_of(signer("example.org", "s", "mail_storage_key")),
            "dkim[0].key is mail_storage_key, which signs no mail; name another one");
}

TEST(SettingsCheck, ADoorHasItsOwnAddress) {
  EXPECT_EQ(fault_of(listener("a", "127.0.0.1:2525") + listener("b", "127.0.0.1:2526") + listener("c", "127.0.0.2:2525")), "");
  EXPECT_EQ(fault_of(listener("a", "127.0.0.1:0") + listener("b", "127.0.0.1:0")), "");
  EXPECT_EQ(fault_of(listener("a", "127.0.0.1:2525") + listener("b", "127.0.0.1:2525")),
            "listener[1].address is 127.0.0.1:2525, where listener[0].address listens; give one of the two another port");
  EXPECT_NE(fault_of(listener("a", "[::1]:2525") + listener("b", "[0:0::1]:2525")), "");
  EXPECT_NE(fault_of(listener("a", "0.0.0.0:2525") + listener("b", "192.0.2.1:2525")), "");
  EXPECT_NE(fault_of(listener("a", "*:2525") + listener("b", "192.0.2.1:2525")), "");
  EXPECT_EQ(fault_of(listener("a", "0.0.0.0:2525") + listener("b", "[::1]:2525")), "");
  EXPECT_NE(fault_of("[http]\naddress = \"127.0.0.1:2525\"\n" + listener("a", "127.0.0.1:2525")), "");
}

TEST(SettingsCheck, DoorsOfOtherNetworksAreApart) {
  EXPECT_EQ(fault_of(listener("a", "*:25", "interface = \"wg0\"") + listener("b", "*:25", "interface = \"wg1\"")), "");
  EXPECT_NE(fault_of(listener("a", "*:25", "interface = \"wg0\"") + listener("b", "*:25")), "");
  EXPECT_EQ(fault_of(listener("a", "*:25", "network_namespace = \"vpn\"") + listener("b", "*:25")), "");
}

TEST(SettingsCheck, AddressesAndNetworksMustBeOnes) {
  EXPECT_TRUE(
      fault_of(listener("a", "mail.example.org:25")).starts_with("listener[0].address is \"mail.example.org:25\"; must be an IPv4"));
  EXPECT_TRUE(
      fault_of(listener("a", "127.0.0.1:25", "relay_from = [\"10.0.0.1/8\"]")).starts_with("listener[0].relay_from has \"10.0.0.1/8\""));
  EXPECT_TRUE(fault_of(listener("a", "127.0.0.1:25", "proxy_from = [\"lan\"]")).starts_with("listener[0].proxy_from has \"lan\""));
  EXPECT_TRUE(fault_of("[outbound]\nrevocation_networks = [\"x\"]\n").starts_with("outbound.revocation_networks has \"x\""));
  EXPECT_EQ(fault_of("[dns]\nservers = [\"192.0.2.53\", \"192.0.2.53@5353\", \"2001:db8::53@53\"]\n"), "");
  EXPECT_EQ(fault_of("[dns]\nservers = [\"192.0.2.53:5353\"]\n"),
            "dns.servers has \"192.0.2.53:5353\"; must be ADDRESS or ADDRESS@PORT, such as 192.0.2.53");
  EXPECT_NE(fault_of("[dns]\nservers = [\"192.0.2.53@x\"]\n"), "");
}

TEST(SettingsCheck, ZonesNameAServer) {
  const auto zone = [](const std::string& name, const std::string& server) {
    return fault_of("[[zone]]\nname = \"" + name + "\"\nserver = \"" + server + "\"\ntsig = \"key\"\n");
  };
  EXPECT_EQ(zone("example.org", "192.0.2.53"), "");
  EXPECT_EQ(zone("example.org", "[2001:db8::53]:5353"), "");
  EXPECT_EQ(zone("example.org", "nonsense name"),
            "zone[0].server is \"nonsense name\"; must be an address, with a port if it is not 53: 192.0.2.53, [2001:db8::53]:5353");
  EXPECT_TRUE(zone("a..b", "192.0.2.53").starts_with("zone[0].name is \"a..b\": "));
}

}  // namespace
}  // namespace postern::gateway
