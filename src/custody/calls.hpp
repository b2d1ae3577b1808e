// The table of calls: one row for each call of the Keeper port. Codec, dispatcher and client are made from it.
//
// A new call of the port is a value of Call, a row here, an override in RemoteKeeper (the compiler asks for it), and, when it uses a type
// that no call used so far, a Codec. Which roles may use it stands in roles.cpp.
#pragma once

#include <algorithm>
#include <array>

#include "custody/wire.hpp"

namespace postern::custody {

/// The numbers of the wire. Append only within a protocol version.
enum class Call : std::uint8_t {
  Create = 1,
  Describe,
  List,
  Rotate,
  Configure,
  Remove,
  PublicKey,
  Sign,
  Verify,
  Mac,
  Encrypt,
  Decrypt,
  NewDataKey,
  UnwrapDataKey,
  RewrapDataKey,
  DecryptOaep,
  DecryptPkcs1,
  Agree,
  OpenPgpCreate,
  OpenPgpCertificate,
  OpenPgpSignDetached,
  OpenPgpSignEncrypt,
  OpenPgpDecrypt,
  Ensure,
  Vault,  ///< Not of the port: vault::Request -> vault::Reply.
  Condition,
  DatabaseKey,  ///< Not of the port: nothing -> the key of the mail database.
};

/// What a second execution would do.
enum class Nature {
  Repeatable,  ///< Reads or uses keys, or ends in the same state: sent again when the keeper went away.
  Changes,     ///< Its outcome is unknown then.
};

/// Where the keeper executes it.
enum class Pace {
  Quick,  ///< Microseconds: at once, unless the arguments are large.
  ByKey,  ///< As the type of the key says.
  Slow,   ///< On the pool: generation, storage, RSA, OpenPGP.
};

template <std::size_t N>
struct CallName {
  char text[N]{};
  constexpr CallName(const char (&from)[N]) { std::copy_n(from, N, text); }  // NOLINT: meant to be implicit
  [[nodiscard]] constexpr std::string_view view() const { return {text, N - 1}; }
};

/// How an argument is kept while its call runs.
template <class T>
struct KeptAs {
  using type = std::remove_cvref_t<T>;
};
template <>
struct KeptAs<std::span<const Bytes>> {
  using type = std::vector<Bytes>;
};
template <>
struct KeptAs<const PublicKey&> {
  using type = Peer;
};

template <class Method>
struct Signature;
template <class R, class... A>
struct Signature<R (Keeper::*)(A...)> {
  using Answer = R;
  using Value = typename R::value_type;
  using Kept = std::tuple<std::optional<typename KeptAs<A>::type>...>;

  static void write(Writer& out, A... arguments) { (Codec<typename KeptAs<A>::type>::write(out, arguments), ...); }
  [[nodiscard]] static Result<Kept> read(Reader& in) {
    Kept kept;
    Status status;
    std::apply([&](auto&... slots) { (void)(read_one(in, slots, status) && ...); }, kept);
    POSTERN_CHECK(std::move(status));
    POSTERN_CHECK(in.end());
    return kept;
  }

 private:
  template <class T>
  static bool read_one(Reader& in, std::optional<T>& slot, Status& status) {
    Result<T> value = Codec<T>::read(in);
    if (!value) {
      status = fail(std::move(value).error());
      return false;
    }
    slot.emplace(*std::move(value));
    return true;
  }
};

template <Call kNumber, CallName kName, auto kPort, Nature kNatureOf, Pace kPaceOf>
struct Row : Signature<decltype(kPort)> {
  static constexpr Call kCall = kNumber;
  static constexpr std::string_view kText = kName.view();
  static constexpr auto kMethod = kPort;
  static constexpr Nature kNature = kNatureOf;
  static constexpr Pace kPace = kPaceOf;
};

template <class... R>
struct Rows {};

// clang-format off
using KeeperCalls = Rows<
  //  number                     name                     port                             a second time        where
  Row<Call::Create,              "create",                &Keeper::create,                 Nature::Changes,     Pace::Slow>,
  Row<Call::Describe,            "describe",              &Keeper::describe,               Nature::Repeatable,  Pace::Quick>,
  Row<Call::List,                "list",                  &Keeper::list,                   Nature::Repeatable,  Pace::Slow>,
  Row<Call::Rotate,              "rotate",                &Keeper::rotate,                 Nature::Changes,     Pace::Slow>,
  Row<Call::Configure,           "configure",             &Keeper::configure,              Nature::Changes,     Pace::Slow>,
  Row<Call::Remove,              "remove",                &Keeper::remove,                 Nature::Changes,     Pace::Slow>,
  Row<Call::PublicKey,           "public_key",            &Keeper::public_key,             Nature::Repeatable,  Pace::Quick>,
  Row<Call::Sign,                "sign",                  &Keeper::sign,                   Nature::Repeatable,  Pace::ByKey>,
  Row<Call::Verify,              "verify",                &Keeper::verify,                 Nature::Repeatable,  Pace::ByKey>,
  Row<Call::Mac,                 "mac",                   &Keeper::mac,                    Nature::Repeatable,  Pace::Quick>,
  Row<Call::Encrypt,             "encrypt",               &Keeper::encrypt,                Nature::Repeatable,  Pace::Quick>,
  Row<Call::Decrypt,             "decrypt",               &Keeper::decrypt,                Nature::Repeatable,  Pace::ByKey>,
  Row<Call::NewDataKey,          "new_data_key",          &Keeper::new_data_key,           Nature::Repeatable,  Pace::Quick>,
  Row<Call::UnwrapDataKey,       "unwrap_data_key",       &Keeper::unwrap_data_key,        Nature::Repeatable,  Pace::Quick>,
  Row<Call::RewrapDataKey,       "rewrap_data_key",       &Keeper::rewrap_data_key,        Nature::Repeatable,  Pace::Quick>,
  Row<Call::DecryptOaep,         "decrypt_oaep",          &Keeper::decrypt_oaep,           Nature::Repeatable,  Pace::Slow>,
  Row<Call::DecryptPkcs1,        "decrypt_pkcs1",         &Keeper::decrypt_pkcs1,          Nature::Repeatable,  Pace::Slow>,
  Row<Call::Agree,               "agree",                 &Keeper::agree,                  Nature::Repeatable,  Pace::ByKey>,
  Row<Call::OpenPgpCreate,       "openpgp_create",        &Keeper::openpgp_create,         Nature::Changes,     Pace::Slow>,
  Row<Call::OpenPgpCertificate,  "openpgp_certificate",   &Keeper::openpgp_certificate,    Nature::Repeatable,  Pace::Slow>,
  Row<Call::OpenPgpSignDetached, "openpgp_sign_detached", &Keeper::openpgp_sign_detached,  Nature::Repeatable,  Pace::Slow>,
  Row<Call::OpenPgpSignEncrypt,  "openpgp_sign_encrypt",  &Keeper::openpgp_sign_encrypt,   Nature::Repeatable,  Pace::Slow>,
  Row<Call::OpenPgpDecrypt,      "openpgp_decrypt",       &Keeper::openpgp_decrypt,        Nature::Repeatable,  Pace::Slow>,
  Row<Call::Ensure,              "ensure",                &Keeper::ensure,                 Nature::Repeatable,  Pace::Slow>,
  Row<Call::Condition,           "condition",             &Keeper::condition,              Nature::Repeatable,  Pace::Quick>>;
// clang-format on

/// The row of a call.
template <Call kCall, class... R>
constexpr auto find_row(Rows<R...>) {
  constexpr std::array numbers{R::kCall...};
  constexpr auto at = static_cast<std::size_t>(std::find(numbers.begin(), numbers.end(), kCall) - numbers.begin());
  return std::tuple_element_t<at, std::tuple<R...>>{};
}
template <Call kCall>
using RowOf = decltype(find_row<kCall>(KeeperCalls{}));

/// `use(row)` for the row of that number; false when there is none.
template <class Use, class... R>
bool with_row(Rows<R...>, std::uint8_t number, Use&& use) {
  return ((static_cast<std::uint8_t>(R::kCall) == number && (use(R{}), true)) || ...);
}

template <class T>
constexpr std::string_view spelled() {
  return __PRETTY_FUNCTION__;
}

/// What two builds compare: numbers, names and types of all calls (FNV-1a).
template <class... R>
constexpr std::uint64_t fingerprint(Rows<R...>) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto eat = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  const auto eat_row = [&eat](Call call, std::string_view name) {
    eat(static_cast<std::uint8_t>(call));
    for (const char c : name) eat(static_cast<std::uint8_t>(c));
  };
  (eat_row(R::kCall, R::kText), ...);
  (eat_row(R::kCall, spelled<typename R::Kept>()), ...);
  (eat_row(R::kCall, spelled<typename R::Answer>()), ...);
  return hash;
}

/// "sign"; "vault"; "call 77" for a number that is none.
[[nodiscard]] std::string name_of(Call call);

}  // namespace postern::custody
