//! The checksum that SDKs send along unless told otherwise: CRC-32, in base 64.

/// The header that carries it.
pub(super) const HEADER: &str = "x-amz-checksum-crc32";

/// The polynomial of IEEE 802.3, its bits reversed.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// The checksum of `content` as the header carries it.
pub(super) fn crc32(content: &[u8]) -> String {
    let sum = content.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 }
        })
    });
    base64(!sum)
}

/// Four bytes in base 64: eight characters, the last two of them padding.
fn base64(number: u32) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = u64::from(number) << 4;
    let digit =
        |place: u32| char::from(DIGITS[usize::try_from((bits >> (6 * place)) & 63).unwrap_or(0)]);
    (0..6).rev().map(digit).chain("==".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the CRC's own specification, `cbf43926`, as `openssl base64` writes it.
    #[test]
    fn the_check_value_is_right() {
        assert_eq!(crc32(b"123456789"), "y/Q5Jg==");
        assert_eq!(crc32(b""), "AAAAAA==");
    }
}
