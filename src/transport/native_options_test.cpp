#include <gtest/gtest.h>

#include "transport/native_tls.hpp"

namespace postern::transport {
namespace {

TEST(NativeOptions, TheSettingsOfTheGuideAreRead) {
  const auto options =
      native_options(R"({"profiles_dir": "/p", "other": [1], "tls": {"enabled": true, "min_version": "1.2", "ca_bundle": "/ca.pem",
    "client_certificate": "/c.pem", "client_key": "/k.pem", "ocsp_responder": null, "fingerprints": ["sha256:00"], "enforce_pinset": true},
    "forwarders": ["192.0.2.53"], "limits": {"associations": 3, "content_octets": 1000}})");
  ASSERT_TRUE(options) << options.error().text();
  EXPECT_EQ(options->tls.min_version, "1.2");
  EXPECT_EQ(options->tls.ca_bundle, "/ca.pem");
  EXPECT_EQ(options->tls.client_key, "/k.pem");
  EXPECT_EQ(options->tls.fingerprints, std::vector<std::string>{"sha256:00"});
  EXPECT_TRUE(options->tls.enforce_pinset);
  EXPECT_EQ(options->forwarders, std::vector<std::string>{"192.0.2.53"});
  EXPECT_EQ(options->associations, 3U);
  EXPECT_EQ(options->content_octets, 1000U);
  EXPECT_TRUE(native_options("") && native_options("{}"));
}

TEST(NativeOptions, AWrongTypeIsNamed) {
  const auto field = [](std::string_view text) { return native_options(text).error().field; };
  EXPECT_EQ(field("[1]"), "settings");
  EXPECT_EQ(field("{"), "settings");
  EXPECT_EQ(field(R"({"tls": 1})"), "tls");
  EXPECT_EQ(field(R"({"tls": {"enabled": "yes"}})"), "tls.enabled");
  EXPECT_EQ(field(R"({"tls": {"fingerprints": [1]}})"), "tls.fingerprints");
  EXPECT_EQ(field(R"({"limits": {"associations": 0}})"), "limits.associations");
  EXPECT_EQ(field(R"({"limits": {"content_octets": 1e99}})"), "limits.content_octets");
}

TEST(NativeOptions, StrongCredentialsAreReadWhenABindNeedsThem) {
  const auto options = native_options(R"({"strong": {"certificate": "/c.pem", "key": "/c.key", "responder_name": "mta",
                                          "responder_pins": ["sha256:00"], "responder_ca": "/ca.pem", "responder_subject": "CN=mta"}})");
  ASSERT_TRUE(options) << options.error().text();
  const auto files = options->strong();
  EXPECT_EQ(files->certificate, "/c.pem");
  EXPECT_EQ(files->responder_pins, std::vector<std::string>{"sha256:00"});
  EXPECT_EQ(files->responder_subject, "CN=mta");
  EXPECT_FALSE(native_options("{}")->strong);
  EXPECT_EQ(native_options(R"({"strong": {"key": 1}})").error().field, "strong.key");
  EXPECT_EQ(native_options(R"({"strong": []})").error().field, "strong");
}

TEST(NativeOptions, PinsStandForAChainOnlyWhereNoAuthorityIsNamed) {
  using Verify = io::TlsClientOptions::Verify;
  NativeOptions::Tls tls;
  tls.fingerprints = {"sha256:" + std::string(64, 'a')};
  const auto known = peer_tls(tls);
  ASSERT_TRUE(known) << known.error().text();
  EXPECT_TRUE(known->required && known->pins.empty() && known->options.verify == Verify::Require);
  tls.enforce_pinset = true;
  const auto pinned = peer_tls(tls);
  EXPECT_TRUE(pinned->pins.size() == 1 && pinned->options.verify == Verify::Report);
  tls.ca_bundle = "/nowhere.pem";
  EXPECT_EQ(peer_tls(tls).error().field, "tls.ca_bundle");
  tls.ca_bundle = "/etc/ssl/certs/ca-certificates.crt";
  if (const auto both = peer_tls(tls)) EXPECT_TRUE(both->pins.size() == 1 && both->options.verify == Verify::Require);
  tls.fingerprints = {"sha256:xyz"};
  EXPECT_EQ(peer_tls(tls).error().field, "tls.fingerprints[0]");
  tls.fingerprints.clear();
  EXPECT_EQ(peer_tls(tls).error().field, "tls.enforce_pinset");
  std::vector<std::string> of_profile{"sha256:" + std::string(64, 'b')};
  tls.ca_bundle.clear();
  tls.more_fingerprints = [&] { return of_profile; };
  EXPECT_EQ(peer_tls(tls).value().pins, std::vector<Bytes>{Bytes(32, 0xbb)});
  of_profile = {"sha256:" + std::string(64, 'c')};
  EXPECT_EQ(peer_tls(tls).value().pins, std::vector<Bytes>{Bytes(32, 0xcc)}) << "asked anew at each bind";
}

TEST(NativeOptions, RevocationIsLookedAtWhereAChainVouchesForThePeer) {
  NativeOptions::Tls tls;
  EXPECT_FALSE(peer_tls(tls)->options.ask_for_status) << "nobody looks";
  tls.judge = [](const io::Stream&) -> io::Task<Status> { co_return Status(); };
  EXPECT_TRUE(peer_tls(tls)->options.judge && peer_tls(tls)->options.ask_for_status);
  tls.fingerprints = {"sha256:" + std::string(64, 'a')};
  EXPECT_TRUE(peer_tls(tls)->options.judge) << "compared only";
  tls.enforce_pinset = true;
  EXPECT_FALSE(peer_tls(tls)->options.judge) << "the operator says what is trusted now";
}

TEST(NativeOptions, WhatCannotBeUsedIsSaidAtTheStart) {
  NativeOptions options;
  options.tls.min_version = "1.1";
  EXPECT_EQ(make_native(options).error().field, "tls.min_version");
  options.tls.min_version = "1.3";
  options.tls.client_key = "/nowhere.pem";
  EXPECT_EQ(make_native(options).error().field, "tls.client_key");
}

}  // namespace
}  // namespace postern::transport
