#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "crypto/random.hpp"
#include "keys/evp_handle.hpp"
#include "keys/transit_keeper.hpp"
#include "pki/authority.hpp"
#include "tlspolicy/profile.hpp"

namespace postern {
namespace {

using SslPtr = std::unique_ptr<SSL, decltype(&SSL_free)>;

// A server and a client connection joined in memory.
struct Pair {
  SslPtr server{nullptr, SSL_free};
  SslPtr client{nullptr, SSL_free};

  Pair(const TlsContext& s, const TlsContext& c) : server(SSL_new(s.native()), SSL_free), client(SSL_new(c.native()), SSL_free) {
    BIO* left = nullptr;
    BIO* right = nullptr;
    BIO_new_bio_pair(&left, 0, &right, 0);
    SSL_set_bio(server.get(), left, left);
    SSL_set_bio(client.get(), right, right);
    SSL_set_accept_state(server.get());
    SSL_set_connect_state(client.get());
  }
  bool handshake() {
    for (int i = 0; i < 20; ++i) {
      const int c = SSL_do_handshake(client.get());
      const int s = SSL_do_handshake(server.get());
      if (c == 1 && s == 1) return echo();
    }
    openssl_clear_errors();
    return false;
  }
  // A refusal of the client's certificate reaches a TLS 1.3 client only with its first read.
  bool echo() {
    char byte = 'x';
    const bool ok = SSL_write(client.get(), &byte, 1) == 1 && SSL_read(server.get(), &byte, 1) == 1 &&
                    SSL_write(server.get(), &byte, 1) == 1 && SSL_read(client.get(), &byte, 1) == 1;
    openssl_clear_errors();
    return ok;
  }
};

class Tls : public ::testing::Test {
 protected:
  Tls()
      : m_keeper(make_memory_keeper(m_clock).value()), m_authority(Authority::open(m_keeper, m_certificates, m_clock, m_random).value()) {}

  TlsServerProfile server_profile(KeyType type = KeyType::EcdsaP256) {
    const KeyName key("tls_" + std::string(name_of(type)));
    const Identity id = m_authority->tls_identity(key, {.dns_names = {"mail.example.org"}, .ip_addresses = {"127.0.0.1"}}, type).value();
    TlsServerProfile profile;
    profile.chain = id.chain;
    profile.key = evp_handle(m_keeper, key).value();
    return profile;
  }
  TlsContext server(KeyType type = KeyType::EcdsaP256) { return server_context(server_profile(type)).value(); }
  TlsClientProfile client_profile() {
    TlsClientProfile profile;
    profile.roots = {m_authority->root()};
    return profile;
  }
  TlsContext client() { return client_context(client_profile()).value(); }
  PeerRequirements wants(std::string host) { return {.host = std::move(host), .pins = {}, .at = m_clock.now()}; }

  MemoryCertificateStore m_certificates;
  SystemClock m_clock;
  NonceRandom m_random;
  std::shared_ptr<Keeper> m_keeper;
  std::shared_ptr<Authority> m_authority;
};

TEST_F(Tls, GoldenPolicy) {
  const std::string hybrid = OPENSSL_VERSION_NUMBER >= 0x30500000L ? "X25519MLKEM768:" : "";
  EXPECT_EQ(policy_text(server()),
            "min version: TLS 1.3\n"
            "suites: TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256\n"
            "groups: " +
                hybrid +
                "X25519:P-256:P-384\n"
                "compression: no\n"
                "renegotiation: no\n"
                "early data: no\n"
                "tickets: 1\n"
                "security level: 2\n"
                "release buffers: yes\n"
                "client certificate: not asked for\n");
  EXPECT_TRUE(server().warnings().empty());
}

TEST_F(Tls, OnlyTheGroupsOfThePolicyAreAgreed) {
  const TlsContext restricted = client();
  SSL_CTX_set1_groups_list(restricted.native(), "P-521:P-384");
  Pair pair(server(), restricted);
  ASSERT_TRUE(pair.handshake());
  EXPECT_EQ(connection_facts(pair.client.get()).group, "secp384r1");
  SSL_CTX_set1_groups_list(restricted.native(), "P-521:X448");
  EXPECT_FALSE(Pair(server(), restricted).handshake());
}

TEST_F(Tls, EveryKindOfKeyInTheKeeperServesTls13) {
  for (const KeyType type : {KeyType::EcdsaP256, KeyType::EcdsaP384, KeyType::Rsa2048, KeyType::Ed25519}) {
    SCOPED_TRACE(name_of(type));
    Pair pair(server(type), client());
    ASSERT_TRUE(pair.handshake());
    const ConnectionFacts facts = connection_facts(pair.client.get());
    EXPECT_EQ(facts.version, "TLSv1.3");
    EXPECT_EQ(facts.cipher, "TLS_AES_256_GCM_SHA384");
    EXPECT_EQ(facts.bits, 256);
    EXPECT_FALSE(facts.group.empty());
    const PeerVerdict verdict = check_peer(pair.client.get(), wants("mail.example.org"));
    EXPECT_TRUE(verdict.ok && verdict.verified) << verdict.reason;
    EXPECT_FALSE(connection_facts(pair.server.get()).peer);
  }
}

TEST_F(Tls, NamesTimesAndTrustAreChecked) {
  Pair pair(server(), client());
  ASSERT_TRUE(pair.handshake());
  EXPECT_TRUE(check_peer(pair.client.get(), wants("127.0.0.1")).ok);
  EXPECT_TRUE(check_peer(pair.client.get(), wants("")).ok);
  for (const char* other : {"other.example.org", "127.0.0.2"}) {
    const PeerVerdict verdict = check_peer(pair.client.get(), wants(other));
    EXPECT_FALSE(verdict.ok);
    EXPECT_NE(verdict.reason.find(std::string("not for ") + other), std::string::npos) << verdict.reason;
  }
  PeerRequirements late = wants("mail.example.org");
  late.at += std::chrono::days(100);
  EXPECT_NE(check_peer(pair.client.get(), late).reason.find("expired"), std::string::npos);
  late.verification = TlsVerification::Opportunistic;
  EXPECT_TRUE(check_peer(pair.client.get(), late).ok);
  EXPECT_FALSE(check_peer(pair.client.get(), late).verified);
  Pair stranger(server(), client_context({}).value());
  ASSERT_TRUE(stranger.handshake());
  EXPECT_FALSE(check_peer(stranger.client.get(), wants("mail.example.org")).ok);
}

TEST_F(Tls, PinsHoldInBothModes) {
  Pair pair(server(), client());
  ASSERT_TRUE(pair.handshake());
  const Certificate leaf = *connection_facts(pair.client.get()).peer;
  PeerRequirements pinned = wants("mail.example.org");
  pinned.pins.keys = {leaf.spki_fingerprint()};
  EXPECT_TRUE(check_peer(pair.client.get(), pinned).ok);
  pinned.pins = {.certificates = {leaf.fingerprint()}, .keys = {}};
  EXPECT_TRUE(check_peer(pair.client.get(), pinned).ok);
  pinned.pins = {.certificates = {leaf.spki_fingerprint()}, .keys = {leaf.fingerprint()}};
  pinned.verification = TlsVerification::Opportunistic;
  EXPECT_FALSE(check_peer(pair.client.get(), pinned).ok);
  EXPECT_NE(check_peer(pair.client.get(), pinned).reason.find("pinned"), std::string::npos);
}

TEST_F(Tls, Tls12IsRefusedUnlessAllowedAloud) {
  TlsClientProfile old = client_profile();
  old.min_version = TlsVersion::Tls12;
  const TlsContext old_client = client_context(std::move(old)).value();
  SSL_CTX_set_max_proto_version(old_client.native(), TLS1_2_VERSION);
  EXPECT_FALSE(Pair(server(), old_client).handshake());
  TlsServerProfile lower = server_profile();
  lower.min_version = TlsVersion::Tls12;
  const TlsContext allowed = server_context(std::move(lower)).value();
  EXPECT_EQ(allowed.warnings(), std::vector<std::string>{"TLS 1.2 is allowed"});
  Pair pair(allowed, old_client);
  ASSERT_TRUE(pair.handshake());
  EXPECT_EQ(connection_facts(pair.client.get()).cipher, "ECDHE-ECDSA-AES256-GCM-SHA384");
  for (const char* weak : {"CBC", "SHA ", "RC4", "DES", "NULL"}) EXPECT_EQ(policy_text(allowed).find(weak), std::string::npos) << weak;
}

TEST_F(Tls, MutualAuthentication) {
  TlsServerProfile profile = server_profile();
  profile.client_roots = {m_authority->root()};
  profile.require_client_certificate = true;
  const TlsContext strict = server_context(std::move(profile)).value();
  EXPECT_FALSE(Pair(strict, client()).handshake());

  const Identity id =
      m_authority->tls_identity(KeyName("client_key"), {.dns_names = {"client.example.org"}, .ip_addresses = {}, .client = true}).value();
  TlsClientProfile with = client_profile();
  with.chain = id.chain;
  with.key = evp_handle(m_keeper, id.key).value();
  Pair pair(strict, client_context(std::move(with)).value());
  ASSERT_TRUE(pair.handshake());
  EXPECT_EQ(connection_facts(pair.server.get()).peer->common_name(), "client.example.org");

  // A server's certificate is not one for clients.
  TlsClientProfile wrong = client_profile();
  TlsServerProfile own = server_profile();
  wrong.chain = own.chain;
  wrong.key = std::move(own.key);
  EXPECT_FALSE(Pair(strict, client_context(std::move(wrong)).value()).handshake());
}

TEST_F(Tls, OptionalClientCertificate) {
  TlsServerProfile profile = server_profile();
  profile.client_roots = {m_authority->root()};
  const TlsContext asks = server_context(std::move(profile)).value();
  Pair pair(asks, client());
  ASSERT_TRUE(pair.handshake());
  EXPECT_FALSE(connection_facts(pair.server.get()).peer);
}

TEST_F(Tls, AnyClientCertificateIsTakenAndNotTrusted) {
  TlsServerProfile profile = server_profile();
  profile.accept_any_client_certificate = true;
  const TlsContext any = server_context(std::move(profile)).value();
  EXPECT_NE(policy_text(any).find("client certificate: asked for"), std::string::npos);
  ASSERT_TRUE(Pair(any, client()).handshake()) << "nobody has to show one";
  TlsClientProfile stranger = client_profile();  // a server's certificate, of an authority that nobody here trusts
  TlsServerProfile own = server_profile();
  const Sha256 pin = own.chain.front().spki_fingerprint();
  stranger.chain = own.chain;
  stranger.key = std::move(own.key);
  Pair pair(any, client_context(std::move(stranger)).value());
  ASSERT_TRUE(pair.handshake());
  EXPECT_FALSE(connection_facts(pair.server.get()).peer) << "what is not verified is told by no fact";
  const auto shown = Certificate::from_native(SSL_get0_peer_certificate(pair.server.get()));
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->spki_fingerprint(), pin);
}

TEST_F(Tls, AlpnAgreesOrEnds) {  // RFC 7301 3.2
  TlsServerProfile profile = server_profile();
  profile.alpn = {"h2", "http/1.1"};
  const TlsContext with = server_context(std::move(profile)).value();
  TlsClientProfile offer = client_profile();
  offer.alpn = {"http/1.1"};
  Pair pair(with, client_context(std::move(offer)).value());
  ASSERT_TRUE(pair.handshake());
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(pair.client.get(), &name, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(name), size), "http/1.1");
  TlsClientProfile other = client_profile();
  other.alpn = {"smtp"};
  EXPECT_FALSE(Pair(with, client_context(std::move(other)).value()).handshake());
}

TEST_F(Tls, StaplesWhatThereIsToWhoAsks) {  // RFC 6066 8, RFC 8446 4.4.2.1
  const auto staple = std::make_shared<Staple>();
  TlsServerProfile profile = server_profile();
  profile.staple = staple;
  const TlsContext stapling = server_context(std::move(profile)).value();
  const auto answer_to = [&](bool asks) {
    Pair pair(stapling, client());
    if (asks) SSL_set_tlsext_status_type(pair.client.get(), TLSEXT_STATUSTYPE_ocsp);
    EXPECT_TRUE(pair.handshake());
    const unsigned char* answer = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(pair.client.get(), &answer);
    return size > 0 ? std::string(reinterpret_cast<const char*>(answer), static_cast<std::size_t>(size)) : std::string();
  };
  EXPECT_EQ(answer_to(true), "") << "there is none yet, and the handshake goes on";
  staple->set(to_bytes("first"));
  EXPECT_EQ(answer_to(true), "first");
  EXPECT_EQ(answer_to(false), "");
  staple->set(to_bytes("second"));
  EXPECT_EQ(answer_to(true), "second") << "replaced under the same context";
  staple->set({});
  EXPECT_EQ(answer_to(true), "");
}

TEST_F(Tls, RefusesProfilesThatCannotWork) {
  EXPECT_EQ(server_context({}).error().code, ErrorCode::BadInput);
  TlsServerProfile mixed = server_profile(KeyType::EcdsaP256);
  mixed.key = evp_handle(m_keeper, key_names::kDkim).value();
  EXPECT_EQ(server_context(std::move(mixed)).error().code, ErrorCode::BadInput);
  TlsServerProfile nobody = server_profile();
  nobody.require_client_certificate = true;
  EXPECT_EQ(server_context(std::move(nobody)).error().code, ErrorCode::BadInput);
}

TEST_F(Tls, ServerNameIsSentForNamesOnly) {  // RFC 6066 3
  const TlsContext context = client();
  const SslPtr name(SSL_new(context.native()), SSL_free);
  ASSERT_TRUE(set_server_name(name.get(), "mail.example.org"));
  EXPECT_STREQ(SSL_get_servername(name.get(), TLSEXT_NAMETYPE_host_name), "mail.example.org");
  const SslPtr address(SSL_new(context.native()), SSL_free);
  ASSERT_TRUE(set_server_name(address.get(), "::1"));
  EXPECT_EQ(SSL_get_servername(address.get(), TLSEXT_NAMETYPE_host_name), nullptr);
}

}  // namespace
}  // namespace postern
