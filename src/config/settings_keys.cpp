// The settings of the mail system's keys: where they are, and how long they live.
#include "base/clock.hpp"
#include "base/text.hpp"
#include "config/rows.hpp"

namespace postern::config::rows {
namespace {

Status check_period(const std::string& text) {
  if (text == "never") return {};
  const auto parsed = parse_duration(text);
  if (parsed && parsed->count() > 0) return {};
  return fail(ErrorCode::BadInput, "is \"" + printable(text) + "\"; must be a duration such as \"90d\", or \"never\"");
}

}  // namespace

const std::vector<Row<Config>>& key_settings() {
  using C = Config;
  static const std::vector<Row<C>> all{
      text<C>(
          "keys.root", FIELD(keys.root),
          "The root of all keys: file:PATH (32 random bytes, or a passphrase of at least 12), env:NAME (a passphrase), "
          "keychain:SERVICE/ACCOUNT. A file is relative to data_dir/keeper. A missing file or keychain entry is made on the first start."),
      text<C>("keys.backend", FIELD(keys.backend),
              "Where the keys of the mail system are: embedded (in this product, under keys.root) or vault (an external OpenBao or "
              "HashiCorp Vault, see keys.vault).",
              {"embedded", "vault"}),
      list<C>("keys.vault.address", FIELD(vault.address),
              "URLs of the external Vault, tried in order: https://HOST:PORT, or http:// on loopback only. Several name one cluster."),
      text<C>("keys.vault.namespace", FIELD(vault.name_space), "Namespace of mount and login (X-Vault-Namespace); empty: the root."),
      text<C>("keys.vault.mount", FIELD(vault.mount), "Path of the transit engine there."),
      text<C>("keys.vault.ca", FIELD(vault.ca), "PEM trust store for the Vault's certificate; empty: the system's."),
      text<C>("keys.vault.server_name", FIELD(vault.server_name), "Name the Vault's certificate must carry; empty: the host of the URL."),
      text<C>(
          "keys.vault.revocation", FIELD(vault.revocation),
          "Whether the Vault's certificate may be revoked, by the OCSP answer that its server staples and keys.vault.crl: off, soft, hard "
          "as outbound.revocation. Responders are not asked: the keeper reaches the Vault and nobody else.",
          {"off", "soft", "hard"}),
      text<C>("keys.vault.crl", FIELD(vault.crl), "File of revocation lists (PEM, or one in DER), read for each new connection."),
      text<C>("keys.vault.client_certificate", FIELD(vault.client_certificate), "PEM chain that we present to the Vault (mTLS)."),
      text<C>("keys.vault.client_key", FIELD(vault.client_key), "PEM private key of keys.vault.client_certificate."),
      text<C>("keys.vault.auth", FIELD(vault.auth),
              "How we log in: approle, or token_file (the sink of an agent, read again when it changes).", {"approle", "token_file"}),
      text<C>("keys.vault.auth_mount", FIELD(vault.auth_mount), "Path of the AppRole auth method there."),
      text<C>("keys.vault.role_id", FIELD(vault.role_id), "Where the role_id is: file:PATH, env:NAME or keychain:SERVICE/ACCOUNT."),
      text<C>("keys.vault.secret_id", FIELD(vault.secret_id), "Where the secret_id is, same form; read again for each login."),
      flag<C>("keys.vault.secret_id_wrapped", FIELD(vault.secret_id_wrapped),
              "Whether keys.vault.secret_id holds a response-wrapping token, which is unwrapped once and then of no use to others."),
      text<C>("keys.vault.token_file", FIELD(vault.token_file), "File with a token, for auth = \"token_file\"."),
      text<C>("keys.vault.interface", FIELD(vault.interface),
              "Network interface that connections to the Vault leave by, and no other. Empty: the routing table decides."),
      duration<C>("keys.vault.timeout", FIELD(vault.timeout), "How long one call may take, its retries included."),
      count<C>("keys.vault.connections", FIELD(vault.connections), "Connections to the Vault at most.", 1, 256),
      duration<C>(
          "keys.vault.data_key_life", FIELD(vault.data_key_life),
          "How long a key that wraps the data keys of messages is used before the Vault makes the next, and kept in memory for reading. "
          "Mail is accepted at least half of this time while the Vault is away."),
      count<C>("keys.vault.data_key_uses", FIELD(vault.data_key_uses), "Messages under one such key at most.", 1, 100'000'000),
      duration<C>("keys.vault.key_life", FIELD(vault.key_life),
                  "How long an unwrapped private key (S/MIME, OpenPGP) stays in memory before the Vault is asked again."),
      checked_text<C>(
          "keys.rotation.period", FIELD(keys.rotation_period),
          "Age at which a key of the mail system gets its next version, or \"never\". Stored mail is re-wrapped by itself. Keys "
          "of people (smime-*, openpgp-*), of the built-in CA and of other users of the engine are not rotated unless named below.",
          check_period),
      map_of<C>("keys.rotation.keys", FIELD(keys.rotation_keys),
                "The same for single keys: { dkim_key = \"never\", api_hmac_key = \"30d\" }.", check_period),
      text<C>(
          "keys.rotation.dkim", FIELD(keys.rotation_dkim),
          "announce: the next version of a DKIM key is made and its DNS record shown; it signs when it was seen in DNS, or after `postern "
          "key activate`. never: DKIM keys are rotated by hand.",
          {"announce", "never"}),
      duration<C>("keys.rotation.dkim_settle", FIELD(keys.dkim_settle),
                  "How long DNS has shown the record of a new DKIM version before it signs: what the slowest secondary server of the zone "
                  "needs."),
      duration<C>("keys.rotation.dkim_retire", FIELD(keys.dkim_retire),
                  "How long the record of the former version stays in DNS: mail that it signed is still under way (queue.expire), or is "
                  "judged later by who fetches it. Then it is taken out."),
      duration<C>("keys.rotation.dkim_delete", FIELD(keys.dkim_delete),
                  "How long after that the former version itself is kept. Then it neither signs nor verifies any more."),
      text<C>("keys.rotation.archive", FIELD(keys.rotation_archive),
              "manual: older versions of a storage key go on opening what was copied before the rotation (backups) until `postern key "
              "archive`. after-rewrap: they stop as soon as all stored mail is under the latest one.",
              {"manual", "after-rewrap"}),
      count<C>("keys.rewrap.rate", FIELD(keys.rewrap_rate), "Stored messages whose data key is re-wrapped in a second.", 1, 1'000'000),
  };
  return all;
}

}  // namespace postern::config::rows
