#include "vectors/vectors.hpp"

#include <array>

#include "vectors/case.hpp"

namespace postern::vectors {
namespace {

namespace json = boost::json;

struct Judge {
  std::string_view type;
  Result<Verdict> (*judge)(const Case&);
};
constexpr std::array<Judge, 20> kJudges{{
    {"AeadTest", judge_aead},           {"IndCpaTest", judge_cbc},
    {"KeywrapTest", judge_key_wrap},    {"MacTest", judge_mac},
    {"HkdfTest", judge_hkdf},           {"PbkdfTest", judge_pbkdf2},
    {"EcdsaVerify", judge_ecdsa},       {"EcdsaP1363Verify", judge_ecdsa_fixed},
    {"EddsaVerify", judge_eddsa},       {"RsassaPkcs1Verify", judge_rsa_pkcs1},
    {"RsassaPssVerify", judge_rsa_pss}, {"MlDsaVerify", judge_mldsa},
    {"XdhComp", judge_x25519},          {"XdhAsnComp", judge_x25519_der},
    {"EcdhTest", judge_ecdh},           {"EcdhEcpointTest", judge_ecdh_point},
    {"RsaesOaepDecrypt", judge_oaep},   {"RsaesPkcs1Decrypt", judge_rsa_pkcs1_decrypt},
    {"MLKEMTest", judge_mlkem},         {"MlKemTest", judge_mlkem},
}};

Result<Verdict> judge_case(const Case& test) {
  for (const Judge& each : kJudges) {
    if (each.type == test.type()) return each.judge(test);
  }
  return Verdict::unsupported();
}

/// The id as it came, so that a stranger's harness finds its case again; only what is no container.
json::value id_of(std::string_view line) {
  boost::system::error_code ignored;
  json::parse_options options;
  options.max_depth = 16;
  const json::value root = line.size() > kLine ? json::value() : json::parse(line, ignored, {}, options);
  const json::object* object = ignored ? nullptr : root.if_object();
  const json::value* id = object == nullptr ? nullptr : object->if_contains("id");
  return id == nullptr || id->is_structured() ? json::value() : *id;
}

json::object error_of(const Error& error) { return {{"code", name_of(error.code)}, {"field", error.field}, {"what", error.what}}; }

}  // namespace

Result<Verdict> judge(std::string_view line) {
  POSTERN_TRY(const Case test, Case::parse(line));
  return judge_case(test);
}

Reply answer(std::string_view line, std::uint64_t number) {
  json::object out{{"id", id_of(line)}};
  const auto verdict = judge(line);
  if (!verdict) {
    out["line"] = number;
    out["error"] = error_of(verdict.error());
  } else if (!verdict->supported) {
    out["unsupported"] = true;
  } else {
    out["valid"] = verdict->valid;
    if (verdict->output) out["output"] = hex_encode(*verdict->output);
  }
  return {json::serialize(out), verdict.has_value()};
}

}  // namespace postern::vectors
