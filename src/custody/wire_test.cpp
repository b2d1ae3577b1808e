#include <gtest/gtest.h>

#include <limits>

#include "custody/calls.hpp"
#include "custody/vault_codec.hpp"

namespace postern::custody {
namespace {

ByteView body_of(const WipedBytes& frame) { return ByteView(frame).subspan(kSizeField); }

template <class T, class Given>
Result<T> through(const Given& value) {
  Writer out;
  Codec<T>::write(out, value);
  const WipedBytes frame = std::move(out).finish().value();
  Reader in(body_of(frame));
  auto read = Codec<T>::read(in);
  EXPECT_TRUE(in.at_end());
  // Every shorter form is refused, not read past its end.
  for (std::size_t size = 0; size + 1 < frame.size() - kSizeField; ++size) {
    Reader cut(body_of(frame).first(size));
    EXPECT_FALSE(Codec<T>::read(cut)) << size;
  }
  return read;
}

TEST(Wire, NumbersAndTexts) {
  EXPECT_EQ(through<std::uint32_t>(0xdeadbeefU).value(), 0xdeadbeefU);
  EXPECT_EQ(through<std::size_t>(std::size_t{1} << 40).value(), std::size_t{1} << 40);
  EXPECT_EQ(through<std::string>(std::string("a\0b", 3)).value(), std::string("a\0b", 3));
  EXPECT_EQ(through<Bytes>(Bytes{1, 2, 3}).value(), (Bytes{1, 2, 3}));
  EXPECT_EQ(through<SecretBytes>(SecretBytes::from_text("s")).value().view()[0], 's');
  EXPECT_EQ(through<KeyName>(KeyName("dkim_key")).value().get(), "dkim_key");
  EXPECT_EQ(through<std::vector<KeyName>>(std::vector{KeyName("a"), KeyName("b")}).value().at(1).get(), "b");
  EXPECT_EQ(through<std::vector<Bytes>>(std::vector{Bytes{1}, Bytes{}}).value(), (std::vector{Bytes{1}, Bytes{}}));
}

TEST(Wire, Algorithms) {
  SignAlgorithm sign = SignAlgorithm::rsa_pss(HashAlgorithm::Sha384).digest_given();
  sign.salt = SignAlgorithm::kSaltMax;
  sign.no_digest_info = true;
  const SignAlgorithm read = through<SignAlgorithm>(sign).value();
  EXPECT_EQ(read.hash, HashAlgorithm::Sha384);
  EXPECT_EQ(read.padding, RsaPadding::Pss);
  EXPECT_EQ(read.salt, SignAlgorithm::kSaltMax);
  EXPECT_TRUE(read.prehashed && read.no_digest_info);
  const OaepOptions oaep = through<OaepOptions>(OaepOptions{HashAlgorithm::Sha512, HashAlgorithm::Sha1, {7}}).value();
  EXPECT_EQ(oaep.hash, HashAlgorithm::Sha512);
  EXPECT_EQ(oaep.mgf1, HashAlgorithm::Sha1);
  EXPECT_EQ(oaep.label, Bytes{7});
  EXPECT_FALSE(through<OaepOptions>(OaepOptions{}).value().mgf1.has_value());
}

TEST(Wire, Settings) {
  const KeySettings read = through<KeySettings>(KeySettings{2, std::nullopt, false}).value();
  EXPECT_EQ(read.min_decryption_version, 2U);
  EXPECT_FALSE(read.min_encryption_version.has_value());
  EXPECT_EQ(read.deletion_allowed, false);
}

TEST(Wire, Descriptions) {
  KeyInfo info;
  info.name = KeyName("k");
  info.type = KeyType::EcdsaP521;
  info.latest = 3;
  info.min_decryption_version = 2;
  info.min_encryption_version = 3;
  info.deletion_allowed = true;
  info.versions = {{2, wall_from_millis(1795308067123), "PEM", 9}, {3, wall_from_millis(-1), "", 0}};
  const KeyInfo read = through<KeyInfo>(info).value();
  EXPECT_EQ(read.name, info.name);
  EXPECT_EQ(read.type, info.type);
  EXPECT_EQ(read.latest, 3U);
  EXPECT_EQ(read.min_decryption_version, 2U);
  EXPECT_EQ(read.min_encryption_version, 3U);
  EXPECT_TRUE(read.deletion_allowed);
  ASSERT_EQ(read.versions.size(), 2U);
  EXPECT_EQ(read.versions[0].public_key_pem, "PEM");
  EXPECT_EQ(read.versions[0].uses, 9U);
  EXPECT_EQ(read.versions[0].created, info.versions[0].created);
  EXPECT_EQ(read.versions[1].created, info.versions[1].created);
}

TEST(Wire, DataKeysAndOpenedMessages) {
  const DataKey key = through<DataKey>(DataKey{SecretBytes::from_text("plain"), {1, 2}}).value();
  EXPECT_EQ(as_text(key.plaintext.view()), "plain");
  EXPECT_EQ(key.wrapped, (Bytes{1, 2}));
  const OpenPgpOpened opened{{5}, "AES256", "cfb-mdc", {{OpenPgpSignatureStatus::Expired, "ID", "FP", "SHA512", -5}}};
  const OpenPgpOpened read = through<OpenPgpOpened>(opened).value();
  EXPECT_EQ(read.plaintext, Bytes{5});
  ASSERT_EQ(read.signatures.size(), 1U);
  EXPECT_EQ(read.signatures[0].status, OpenPgpSignatureStatus::Expired);
  EXPECT_EQ(read.signatures[0].created, -5);
  EXPECT_EQ(read.signatures[0].fingerprint, "FP");
}

TEST(Wire, PublicKeysOfEveryKind) {
  for (const KeyKind kind : {KeyKind::Ed25519, KeyKind::X25519, KeyKind::EcP256, KeyKind::EcP384, KeyKind::EcP521, KeyKind::Rsa}) {
    const PublicKey key = PrivateKey::generate(kind).value().public_key();
    EXPECT_EQ(through<PublicKey>(key).value(), key) << name_of(kind);
    if (kind != KeyKind::Rsa) EXPECT_EQ(through<Peer>(key).value().key, key) << name_of(kind);
  }
}

TEST(Wire, PeersAreAPointOfTheirCurveOrNothing) {  // SP 800-56A 5.6.2.3: a public key is validated before it is used
  Writer refused;
  Codec<Peer>::write(refused, PrivateKey::generate(KeyKind::Rsa).value().public_key());
  EXPECT_EQ(std::move(refused).finish().error().code, ErrorCode::BadInput);
  const auto read = [](KeyKind kind, ByteView point) {
    Writer out;
    out.u8(static_cast<std::uint8_t>(kind)).block(point);
    const WipedBytes frame = std::move(out).finish().value();
    Reader in(body_of(frame));
    return Codec<Peer>::read(in).has_value();
  };
  Bytes point = PrivateKey::generate(KeyKind::EcP256).value().public_key().to_raw();
  EXPECT_TRUE(read(KeyKind::EcP256, point));
  EXPECT_FALSE(read(KeyKind::EcP384, point));
  EXPECT_FALSE(read(KeyKind::Rsa, point));
  EXPECT_FALSE(read(KeyKind::X25519, point));
  EXPECT_FALSE(read(KeyKind::EcP256, {}));
  point[64] ^= 1;  // not on the curve
  EXPECT_FALSE(read(KeyKind::EcP256, point));
  EXPECT_FALSE(read(KeyKind::EcP256, Bytes{0x00}));
}

TEST(Wire, WhatTheReaderRefusesTheWriterRefusesFirst) {
  Writer name;
  Codec<KeyName>::write(name, KeyName(std::string(kMaxKeyName + 1, 'n')));
  EXPECT_EQ(std::move(name).finish().error().field, "name");
  Writer many;
  Codec<std::vector<Bytes>>::write(many, std::vector<Bytes>(kMaxCertificates + 1));
  EXPECT_EQ(std::move(many).finish().error().code, ErrorCode::TooLarge);
  Writer large;
  const Bytes most(kMaxFrame / 2 + 1);
  large.block(ByteView(most)).block(ByteView(most));
  EXPECT_EQ(std::move(large).finish().error().code, ErrorCode::TooLarge);
}

TEST(Wire, CountsAreComparedWithWhatIsThere) {
  const auto read = [](auto type, std::uint32_t count) {
    Writer out;
    out.u32(count).u32(0);
    const WipedBytes frame = std::move(out).finish().value();
    Reader in(body_of(frame));
    return Codec<typename decltype(type)::type>::read(in).has_value();
  };
  EXPECT_FALSE(read(std::type_identity<std::vector<KeyName>>(), 0xffffffff));
  EXPECT_FALSE(read(std::type_identity<std::vector<Bytes>>(), 2));
  EXPECT_TRUE(read(std::type_identity<std::vector<Bytes>>(), 1));
}

TEST(Wire, EnumsAndFlagsHaveAnEnd) {
  const auto read = [](auto type, std::uint8_t byte) {
    const Bytes body{byte};
    Reader in{ByteView(body)};
    return Codec<typename decltype(type)::type>::read(in).has_value();
  };
  EXPECT_TRUE(read(std::type_identity<KeyType>(), static_cast<std::uint8_t>(KeyType::OpenPgp)));
  EXPECT_FALSE(read(std::type_identity<KeyType>(), static_cast<std::uint8_t>(KeyType::OpenPgp) + 1));
  EXPECT_FALSE(read(std::type_identity<HashAlgorithm>(), 9));
  const Bytes two{2};
  Reader in{ByteView(two)};
  EXPECT_FALSE(in.flag("flag"));
}

TEST(Wire, Errors) {
  const Error error{ErrorCode::IntegrityFailed, std::string(kMaxErrorText + 10, 'w'), "field"};
  const WipedBytes frame = write_error(42, error);
  Reader in(body_of(frame));
  const ReplyHead head = read_reply_head(in).value();
  EXPECT_EQ(head.id, 42U);
  EXPECT_EQ(head.kind, ReplyKind::Failed);
  const Error read = read_error(in).value();
  EXPECT_EQ(read.code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(read.what.size(), kMaxErrorText);
  EXPECT_EQ(read.field, "field");
}

TEST(Wire, Greetings) {
  const Greeting own = Greeting::own();
  const WipedBytes frame = write_greeting(own);
  EXPECT_LE(frame.size(), kMaxGreeting);
  EXPECT_EQ(read_greeting(body_of(frame)).value(), own);
  EXPECT_TRUE(answer_to(own, own).accepted);
  for (const Greeting& other : {Greeting{own.protocol, own.calls, "9.9"}, Greeting{own.protocol, own.calls + 1, own.build},
                                Greeting{static_cast<std::uint16_t>(own.protocol + 1), own.calls, own.build}}) {
    const Welcome welcome = answer_to(other, own);
    EXPECT_FALSE(welcome.accepted);
    EXPECT_NE(welcome.text.find("the gate is " + other.build), std::string::npos) << welcome.text;
    const WipedBytes answer = write_welcome(welcome);
    EXPECT_LE(answer.size(), kMaxGreeting);
    EXPECT_EQ(read_welcome(body_of(answer)).value().text, welcome.text);
  }
  Bytes broken(body_of(frame).begin(), body_of(frame).end());
  broken[0] ^= 1;
  EXPECT_EQ(read_greeting(broken).error().field, "magic");
}

TEST(Calls, TheTableIsWhole) {
  std::size_t rows = 0;
  std::string names;
  for (unsigned number = 0; number < 256; ++number) {
    rows += with_row(KeeperCalls{}, static_cast<std::uint8_t>(number), [&](auto row) {
      EXPECT_EQ(static_cast<unsigned>(row.kCall), number);
      EXPECT_EQ(names.find(" " + std::string(row.kText) + " "), std::string::npos) << row.kText;
      names += " " + std::string(row.kText) + " ";
    });
  }
  EXPECT_EQ(rows, 25U);  // every call of the port; a new one is a new row
  EXPECT_FALSE(with_row(KeeperCalls{}, static_cast<std::uint8_t>(Call::Vault), [](auto) {}));
  EXPECT_EQ(name_of(Call::OpenPgpDecrypt), "openpgp_decrypt");
  EXPECT_EQ(name_of(Call::Vault), "vault");
  EXPECT_EQ(name_of(static_cast<Call>(200)), "call 200");
}

TEST(Calls, OnlyWhatChangesIsNotRepeated) {
  std::string changes;
  for (unsigned number = 0; number < 256; ++number) {
    (void)with_row(KeeperCalls{}, static_cast<std::uint8_t>(number), [&](auto row) {
      if (row.kNature == Nature::Changes) changes += std::string(row.kText) + " ";
    });
  }
  EXPECT_EQ(changes, "create rotate configure remove openpgp_create ");
}

// The Vault API. --------------------------------------------------------------------------------------------------------------------------

namespace json = boost::json;

Result<VaultCall> through(const vault::Request& request) {
  Writer out;
  write_vault_request(out, request);
  POSTERN_TRY(const WipedBytes frame, std::move(out).finish());
  Reader in(body_of(frame));
  POSTERN_TRY(VaultCall call, read_vault_head(in));
  POSTERN_CHECK(read_vault_fields(in, call));
  return call;
}

vault::Request request_with(json::object data) {
  vault::Request request;
  request.data = std::move(data);
  return request;
}

TEST(VaultWire, Requests) {
  vault::Request request = request_with({{"a", 1}});
  request.id = "id";
  request.operation = vault::Operation::Patch;
  request.path = "transit/keys/k";
  request.token = "hvs.x";
  request.ns = "root";
  request.wrap_ttl = std::chrono::seconds(60);
  request.wrap_as_jwt = true;
  request.remote_address = "192.0.2.1";
  request.remote_port = 4711;
  request.headers = {{"User-Agent", "u"}, {"X", ""}};
  const auto call = through(request);
  ASSERT_TRUE(call) << call.error().text();
  const vault::Request& read = call->request;
  EXPECT_EQ(read.id, request.id);
  EXPECT_EQ(read.operation, request.operation);
  EXPECT_EQ(read.path, request.path);
  EXPECT_EQ(read.token, request.token);
  EXPECT_EQ(read.ns, request.ns);
  EXPECT_EQ(read.wrap_ttl, request.wrap_ttl);
  EXPECT_TRUE(read.wrap_as_jwt);
  EXPECT_EQ(read.remote_address, request.remote_address);
  EXPECT_EQ(read.remote_port, request.remote_port);
  EXPECT_EQ(read.headers, request.headers);
  EXPECT_EQ(read.data, request.data);
  EXPECT_EQ(read.data.storage().get(), call->memory.get()) << "the fields do not live in memory that is wiped";
}

TEST(VaultWire, FieldsOfEveryKind) {
  const json::object data = json::parse(R"({"n":null,"t":true,"f":false,"zero":0,"most":9223372036854775807,"least":-9223372036854775808,
    "unsigned":18446744073709551615,"real":-1.5e-300,"text":"ä\u0000\"","empty":"","":1,"list":[1,[],{},[[["x"]]],127,128,16384],
    "object":{"deep":{"deeper":[null]}},"twice":1,"twice":2})")
                                .as_object();
  const auto call = through(request_with(data));
  ASSERT_TRUE(call) << call.error().text();
  EXPECT_EQ(call->request.data, data);
  EXPECT_EQ(json::serialize(call->request.data), json::serialize(data));  // kinds of numbers and order, too
}

TEST(VaultWire, WishesWithoutBoundsAreBounded) {
  vault::Request request;
  for (const std::int64_t seconds : {std::int64_t{-5}, std::int64_t{0}, std::int64_t{1} << 50}) {
    request.wrap_ttl = std::chrono::seconds(seconds);
    const auto call = through(request);
    ASSERT_TRUE(call) << call.error().text();
    EXPECT_GE(call->request.wrap_ttl->count(), 0);
    EXPECT_LE(call->request.wrap_ttl->count(), 100LL * 366 * 86400);
  }
  request.wrap_ttl.reset();
  EXPECT_FALSE(through(request)->request.wrap_ttl.has_value());
}

json::value nested(std::size_t depth) {
  json::value value;
  for (std::size_t i = 0; i < depth; ++i) value = json::array{std::move(value)};
  return value;
}

TEST(VaultWire, DepthAndCountAreLimited) {
  EXPECT_TRUE(through(request_with({{"a", nested(kMaxTreeDepth - 1)}})));
  EXPECT_EQ(through(request_with({{"a", nested(kMaxTreeDepth)}})).error().code, ErrorCode::TooLarge);
  EXPECT_TRUE(through(request_with({{"a", json::array(kMaxTreeValues - 1)}})));
  EXPECT_EQ(through(request_with({{"a", json::array(kMaxTreeValues)}})).error().code, ErrorCode::TooLarge);
  vault::Request many;
  many.headers.resize(kMaxHeaders + 1);
  EXPECT_EQ(through(many).error().code, ErrorCode::TooLarge);
}

Status read_fields(const Bytes& tree) {
  Reader in{ByteView(tree)};
  VaultCall call = VaultCall::empty(0);
  return read_vault_fields(in, call);
}

TEST(VaultWire, HostileTrees) {
  constexpr Byte null = 0, positive = 3, negative = 4, real = 5, text = 6, array = 7, object = 8;
  EXPECT_TRUE(read_fields({object, 0}));
  EXPECT_FALSE(read_fields({}));
  EXPECT_FALSE(read_fields({array, 0}));                              // fields are an object
  EXPECT_FALSE(read_fields({object, 0, 0}));                          // something behind
  EXPECT_FALSE(read_fields({object, 1, 1, 'k', 9}));                  // unknown tag
  EXPECT_FALSE(read_fields({object, 0xff, 0xff, 0xff, 0xff, 0x0f}));  // more than there is
  EXPECT_FALSE(read_fields({object, 1, 1, 'k', array, 0xff, 0xff, 0x7f}));
  EXPECT_FALSE(read_fields({object, 1, 1, 'k', text, 5, 'a'}));
  EXPECT_FALSE(read_fields({object, 1, 9, 'k', null}));
  Bytes endless{object, 1, 1, 'k', positive};
  endless.insert(endless.end(), 11, 0x80);
  EXPECT_FALSE(read_fields(endless));
  Bytes below{object, 1, 1, 'k', negative};
  below.insert(below.end(), 9, 0xff);
  below.push_back(0x01);  // ~(2^64-1) is no int64
  EXPECT_FALSE(read_fields(below));
  EXPECT_FALSE(read_fields({object, 1, 1, 'k', real, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0}));  // infinity
  Bytes deep;
  for (std::size_t i = 0; i < 100000; ++i) append(deep, Bytes{object, 1, 0});
  EXPECT_FALSE(read_fields(deep));
}

TEST(VaultWire, Replies) {
  vault::Reply reply;
  reply.status = 503;
  reply.body = "{}";
  reply.content_type = "text/plain";
  reply.headers = {{"Retry-After", "1"}};
  Writer out;
  write_vault_reply(out, reply);
  const WipedBytes frame = std::move(out).finish().value();
  Reader in(body_of(frame));
  const vault::Reply read = read_vault_reply(in).value();
  EXPECT_EQ(read.status, 503);
  EXPECT_EQ(read.body, reply.body);
  EXPECT_EQ(read.content_type, reply.content_type);
  EXPECT_EQ(read.headers, reply.headers);
  for (std::size_t size = 0; size + 1 < frame.size() - kSizeField; ++size) {
    Reader cut(body_of(frame).first(size));
    EXPECT_FALSE(read_vault_reply(cut));
  }
  reply.status = 99;
  Writer odd;
  write_vault_reply(odd, reply);
  const WipedBytes bad = std::move(odd).finish().value();
  Reader again(body_of(bad));
  EXPECT_FALSE(read_vault_reply(again));
}

TEST(VaultWire, OnlyReadingIsRepeated) {
  vault::Request request;
  for (const auto operation : {vault::Operation::Read, vault::Operation::List, vault::Operation::Scan, vault::Operation::Help}) {
    request.operation = operation;
    EXPECT_TRUE(is_repeatable(request));
  }
  for (const auto operation : {vault::Operation::Create, vault::Operation::Update, vault::Operation::Patch, vault::Operation::Delete}) {
    request.operation = operation;
    EXPECT_FALSE(is_repeatable(request));
  }
  request.operation = vault::Operation::Read;
  request.wrap_ttl = std::chrono::seconds(5);
  EXPECT_FALSE(is_repeatable(request)) << "it would make a second wrapping token";
}

TEST(Wiped, MemoryIsOverwrittenBeforeItIsGivenBack) {
  WipingAllocator<Byte> allocator;
  alignas(64) static Byte seen[64];
  Byte* memory = allocator.allocate(4096);
  std::fill_n(memory, 4096, Byte{0x5a});
  allocator.deallocate(memory, 4096);
  // The allocator's free list may stand in the first bytes; nothing of ours may stand anywhere.
  Byte* again = std::allocator<Byte>().allocate(4096);
  if (again == memory) {
    std::copy_n(again + 1024, sizeof seen, seen);
    EXPECT_EQ(std::count(std::begin(seen), std::end(seen), Byte{0x5a}), 0);
  }
  std::allocator<Byte>().deallocate(again, 4096);
}

}  // namespace
}  // namespace postern::custody
