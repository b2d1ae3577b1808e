#include "base/base64.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace postern {
namespace base64_parts {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint32_t kBad = 0xff000000;

/// Two characters at once for twelve bits.
constexpr auto kPairs = [] {
  std::array<std::array<char, 2>, 4096> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = {kAlphabet[i >> 6], kAlphabet[i & 63]};
  return pairs;
}();
constexpr auto kValues = [] {
  std::array<std::uint32_t, 256> values{};
  for (auto& value : values) value = kBad;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) values[static_cast<Byte>(kAlphabet[i])] = static_cast<std::uint32_t>(i);
  return values;
}();

std::uint32_t value_of(char c) noexcept { return kValues[static_cast<Byte>(c)]; }

}  // namespace

Progress encode_table(ByteView bytes, char* out) noexcept {
  Progress done;
  for (; done.read + 3 <= bytes.size(); done.read += 3, done.written += 4) {
    const Byte* in = bytes.data() + done.read;
    const std::uint32_t group = std::uint32_t{in[0]} << 16 | std::uint32_t{in[1]} << 8 | in[2];
    std::memcpy(out + done.written, kPairs[group >> 12].data(), 2);
    std::memcpy(out + done.written + 2, kPairs[group & 4095].data(), 2);
  }
  return done;
}

Progress decode_table(std::string_view text, Byte* out, std::size_t room) noexcept {
  Progress done;
  for (; done.read + 4 <= text.size() && done.written + 3 <= room; done.read += 4, done.written += 3) {
    const char* in = text.data() + done.read;
    const std::uint32_t group = value_of(in[0]) << 18 | value_of(in[1]) << 12 | value_of(in[2]) << 6 | value_of(in[3]);
    if (((value_of(in[0]) | value_of(in[1]) | value_of(in[2]) | value_of(in[3])) & kBad) != 0) return done;
    out[done.written] = static_cast<Byte>(group >> 16);
    out[done.written + 1] = static_cast<Byte>(group >> 8);
    out[done.written + 2] = static_cast<Byte>(group);
  }
  return done;
}

#if defined(__x86_64__)
#define POSTERN_AVX2 __attribute__((target("avx2")))
namespace {

/// 16 bytes, of which 12 count, become the four 24-bit numbers of a lane, most significant byte first as base64 wants it.
POSTERN_AVX2 __m256i load_groups(const Byte* in) noexcept {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + 12));
  const __m256i order = _mm256_broadcastsi128_si256(_mm_setr_epi8(2, 1, 0, -128, 5, 4, 3, -128, 8, 7, 6, -128, 11, 10, 9, -128));
  return _mm256_shuffle_epi8(_mm256_set_m128i(high, low), order);
}

/// Each 24-bit number becomes four bytes of six bits.
POSTERN_AVX2 __m256i spread(__m256i group) noexcept {
  const __m256i first = _mm256_srli_epi32(group, 18);
  const __m256i second = _mm256_and_si256(_mm256_srli_epi32(group, 4), _mm256_set1_epi32(0x3f00));
  const __m256i third = _mm256_and_si256(_mm256_slli_epi32(group, 10), _mm256_set1_epi32(0x3f0000));
  const __m256i fourth = _mm256_and_si256(_mm256_slli_epi32(group, 24), _mm256_set1_epi32(0x3f000000));
  return _mm256_or_si256(_mm256_or_si256(first, second), _mm256_or_si256(third, fourth));
}

POSTERN_AVX2 __m256i added_above(__m256i value, char limit, char amount) noexcept {
  return _mm256_and_si256(_mm256_cmpgt_epi8(value, _mm256_set1_epi8(limit)), _mm256_set1_epi8(amount));
}

/// The alphabet is five runs: what has to be added changes where one ends.
POSTERN_AVX2 __m256i to_characters(__m256i value) noexcept {
  __m256i out = _mm256_add_epi8(value, _mm256_set1_epi8('A'));
  out = _mm256_add_epi8(out, added_above(value, 25, 'a' - 'A' - 26));
  out = _mm256_add_epi8(out, added_above(value, 51, '0' - 'a' - 26));
  out = _mm256_add_epi8(out, added_above(value, 61, '+' - '0' - 10));
  return _mm256_add_epi8(out, added_above(value, 62, '/' - '+' - 1));
}

POSTERN_AVX2 Progress encode_avx2(ByteView bytes, char* out) noexcept {
  Progress done;
  for (; done.read + 28 <= bytes.size(); done.read += 24, done.written += 32) {
    const __m256i characters = to_characters(spread(load_groups(bytes.data() + done.read)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + done.written), characters);
  }
  return done;
}

POSTERN_AVX2 __m256i within(__m256i c, char first, char last) noexcept {
  return _mm256_and_si256(_mm256_cmpgt_epi8(c, _mm256_set1_epi8(static_cast<char>(first - 1))),
                          _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(last + 1)), c));
}

/// Values of 32 characters, and in `known` which of them are in the alphabet. Bytes from 0x80 are negative here and in no run.
POSTERN_AVX2 __m256i to_values(__m256i c, __m256i& known) noexcept {
  const __m256i upper = within(c, 'A', 'Z'), lower = within(c, 'a', 'z'), digit = within(c, '0', '9');
  const __m256i plus = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('+')), slash = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('/'));
  known = _mm256_or_si256(_mm256_or_si256(upper, lower), _mm256_or_si256(digit, _mm256_or_si256(plus, slash)));
  __m256i shift = _mm256_and_si256(upper, _mm256_set1_epi8(-'A'));
  shift = _mm256_or_si256(shift, _mm256_and_si256(lower, _mm256_set1_epi8(26 - 'a')));
  shift = _mm256_or_si256(shift, _mm256_and_si256(digit, _mm256_set1_epi8(52 - '0')));
  shift = _mm256_or_si256(shift, _mm256_and_si256(plus, _mm256_set1_epi8(62 - '+')));
  shift = _mm256_or_si256(shift, _mm256_and_si256(slash, _mm256_set1_epi8(63 - '/')));
  return _mm256_add_epi8(c, shift);
}

/// Four bytes of six bits each become three bytes; 12 of each lane, then the lanes side by side: 24 bytes and 8 zeros.
POSTERN_AVX2 __m256i join(__m256i values) noexcept {
  const __m256i first = _mm256_slli_epi32(_mm256_and_si256(values, _mm256_set1_epi32(0x3f)), 18);
  const __m256i second = _mm256_slli_epi32(_mm256_and_si256(values, _mm256_set1_epi32(0x3f00)), 4);
  const __m256i third = _mm256_and_si256(_mm256_srli_epi32(values, 10), _mm256_set1_epi32(0xfc0));
  const __m256i group = _mm256_or_si256(_mm256_or_si256(first, second), _mm256_or_si256(third, _mm256_srli_epi32(values, 24)));
  const __m256i order = _mm256_broadcastsi128_si256(_mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -128, -128, -128, -128));
  return _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(group, order), _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
}

POSTERN_AVX2 Progress decode_avx2(std::string_view text, Byte* out, std::size_t room) noexcept {
  Progress done;
  for (; done.read + 32 <= text.size() && done.written + 32 <= room; done.read += 32, done.written += 24) {
    __m256i known;
    const __m256i values = to_values(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + done.read)), known);
    if (_mm256_movemask_epi8(known) != -1) return done;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + done.written), join(values));
  }
  return done;
}

}  // namespace

EncodeRun encode_vector() noexcept { return __builtin_cpu_supports("avx2") ? encode_avx2 : nullptr; }
DecodeRun decode_vector() noexcept { return __builtin_cpu_supports("avx2") ? decode_avx2 : nullptr; }
#else
EncodeRun encode_vector() noexcept { return nullptr; }
DecodeRun decode_vector() noexcept { return nullptr; }
#endif

}  // namespace base64_parts

namespace {

using base64_parts::Progress;

/// The last one or two bytes.
void write_rest(ByteView rest, char* out) noexcept {
  if (rest.empty()) return;
  std::array<Byte, 3> group{};
  std::ranges::copy(rest, group.begin());
  (void)base64_parts::encode_table(group, out);
  for (std::size_t i = rest.size() + 1; i < 4; ++i) out[i] = '=';
}

/// The last group, when it is padded as it should be: how many bytes, or nothing.
std::size_t read_padded(std::string_view text, Byte* out) noexcept {
  if (text.size() != 4 || text[3] != '=') return 0;
  const std::size_t bytes = text[2] == '=' ? 1 : 2;
  const std::array<char, 4> filled{text[0], text[1], bytes == 1 ? 'A' : text[2], 'A'};
  std::array<Byte, 3> group{};
  if (base64_parts::decode_table({filled.data(), filled.size()}, group.data(), group.size()).written != 3) return 0;
  // RFC 4648 3.5: the bits left over must be zero, or two texts would decode to the same bytes.
  if (group[bytes] != 0) return 0;
  std::memcpy(out, group.data(), bytes);
  return bytes;
}

}  // namespace

void base64_write(ByteView bytes, char* out) noexcept {
  static const base64_parts::EncodeRun vector = base64_parts::encode_vector();
  if (vector != nullptr) {
    const Progress run = vector(bytes, out);
    bytes = bytes.subspan(run.read);
    out += run.written;
  }
  const Progress run = base64_parts::encode_table(bytes, out);
  write_rest(bytes.subspan(run.read), out + run.written);
}

Result<std::size_t> base64_read(std::string_view text, ByteSpan out) {
  static const base64_parts::DecodeRun vector = base64_parts::decode_vector();
  Progress done;
  if (vector != nullptr) done = vector(text, out.data(), out.size());
  const Progress more = base64_parts::decode_table(text.substr(done.read), out.data() + done.written, out.size() - done.written);
  done.read += more.read;
  done.written += more.written;
  if (done.read == text.size()) return done.written;
  const std::string_view rest = text.substr(done.read);
  if (out.size() - done.written >= 2) {
    if (const std::size_t last = read_padded(rest, out.data() + done.written); last > 0) return done.written + last;
  }
  // Not reached by anything valid: the slow form only says what is wrong.
  if (auto reason = base64_parts::decode_simple(rest); !reason) return fail(std::move(reason).error());
  return fail(ErrorCode::Internal, "no room for the decoded bytes");
}

}  // namespace postern
