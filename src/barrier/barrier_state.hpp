// What a barrier holds while it is unsealed, and a change of it that is being made. Inside barrier/ only.
#pragma once

#include <algorithm>
#include <atomic>
#include <optional>

#include "barrier/barrier.hpp"
#include "crypto/aead.hpp"

namespace postern {

/// A keyring that is to be stored next.
struct Barrier::Draft {
  SecretBytes root;
  Keyring ring;
  std::uint64_t sealed_with_it = 0;  ///< Encryptions under the draft's active term that the change itself makes.
};

struct Barrier::Open {
  /// A change whose apply() failed, and of which it could not be read either whether it was stored.
  struct Doubt {
    Draft draft;
    Bytes keyring;
  };

  SecretBytes root;
  Keyring ring;                        ///< As stored; the active term's encryptions are what is reserved.
  std::vector<Aead> ciphers;           ///< Of ring.terms, in this order.
  std::atomic<std::uint64_t> used{0};  ///< Of the active term.
  std::optional<Doubt> doubt;

  /// Terms are only ever added at the end.
  [[nodiscard]] Status add_ciphers() {
    while (ciphers.size() < ring.terms.size()) {
      POSTERN_TRY(Aead cipher, Aead::create(AeadAlgorithm::Aes256Gcm, ring.terms[ciphers.size()].key.view()));
      ciphers.push_back(std::move(cipher));
    }
    return {};
  }
  [[nodiscard]] const Aead* cipher_of(std::uint32_t term) const {
    const auto found = std::ranges::lower_bound(ring.terms, term, {}, &Term::number);
    if (found == ring.terms.end() || found->number != term) return nullptr;
    return &ciphers[static_cast<std::size_t>(found - ring.terms.begin())];
  }
  /// Takes `count` of the reserved encryptions; false when fewer are left.
  [[nodiscard]] bool take(std::uint64_t count) noexcept {
    std::uint64_t before = used.load();
    do {
      if (count > ring.active().encryptions - before) return false;
    } while (!used.compare_exchange_weak(before, before + count));
    return true;
  }
};

[[nodiscard]] inline tl::unexpected<Error> vault_is_sealed() { return fail(ErrorCode::Unavailable, "Vault is sealed"); }

namespace detail {
/// Everything as it goes to the disk, the sealed part under one term.
[[nodiscard]] Result<std::vector<SealedChange>> seal_all(const Aead& cipher, std::uint32_t term, BarrierChanges& changes);
[[nodiscard]] Status check_all(const BarrierChanges& changes);
/// How many encryptions it takes.
[[nodiscard]] std::uint64_t count_sealed(const BarrierChanges& changes);
}  // namespace detail

}  // namespace postern
