//! The places of fields in the kernel's structures. They differ by kernel, and each kernel tells its
//! own in its BTF (Documentation/bpf/btf.rst).

use std::{fs, iter};

use crate::kernel::error::{Context as _, KernelError, Result};

/// The kernel's types.
const VMLINUX: &str = "/sys/kernel/btf/vmlinux";
/// The first half word of BTF.
const MAGIC: u16 = 0xeb9f;
/// Bytes of a `struct btf_type`, and of an entry of a structure's members.
const TYPE_LEN: usize = 12;
const MEMBER_LEN: usize = 12;
/// `BTF_KIND_STRUCT` and `BTF_KIND_UNION`.
const STRUCT: u32 = 4;
const UNION: u32 = 5;

/// The offset in bytes of `field` in the running kernel's `structure`; fields of its nameless parts
/// count as its own.
pub(in crate::kernel) fn field_offset(structure: &str, field: &str) -> Result<u32> {
    let btf = fs::read(VMLINUX).with_context(|| format!("reading {VMLINUX}"))?;
    let types = KernelTypes::parse(&btf).ok_or_else(|| {
        KernelError::damaged(format!("{VMLINUX} has no types that edge can read"))
    })?;
    types.field_offset(structure, field).ok_or_else(|| {
        KernelError::unsuitable(format!("this kernel's {structure} has no field {field}"))
    })
}

/// Types in BTF of this machine's byte order.
struct KernelTypes<'a> {
    strings: &'a [u8],
    /// The types, one after the other; a type's number is one more than its place here.
    types: Vec<&'a [u8]>,
}

impl<'a> KernelTypes<'a> {
    fn parse(btf: &'a [u8]) -> Option<Self> {
        if u16::from_ne_bytes(*btf.first_chunk()?) != MAGIC {
            return None;
        }
        let header = |at| usize::try_from(word(btf, at)?).ok();
        let body = btf.get(header(4)?..)?;
        let section = |at| body.get(header(at)?..)?.get(..header(at + 4)?);
        let (mut rest, strings) = (section(8)?, section(16)?);
        let mut types = Vec::new();
        while !rest.is_empty() {
            let (one, behind) = rest.split_at_checked(len_bytes(rest)?)?;
            types.push(one);
            rest = behind;
        }
        Some(Self { strings, types })
    }

    fn field_offset(&self, structure: &str, field: &str) -> Option<u32> {
        let mut structures = self.types.iter().filter(|one| kind(one) == Some(STRUCT));
        let found = structures.find(|one| self.is_called(one, structure))?;
        Some(self.bit_offset(found, field)? / 8)
    }

    fn bit_offset(&self, structure: &[u8], field: &str) -> Option<u32> {
        // With the flag, the upper byte is the width of a bit field.
        let has_widths = word(structure, 4)? >> 31 != 0;
        let mut members = structure.get(TYPE_LEN..)?.chunks_exact(MEMBER_LEN);
        members.find_map(|member| {
            let offset = word(member, 8)?;
            let offset = if has_widths { offset & 0x00ff_ffff } else { offset };
            if self.is_called(member, field) {
                return Some(offset);
            }
            let part = self.types.get((word(member, 4)? as usize).checked_sub(1)?)?;
            let is_nameless =
                self.is_called(member, "") && matches!(kind(part), Some(STRUCT | UNION));
            is_nameless.then(|| self.bit_offset(part, field)).flatten().map(|inner| offset + inner)
        })
    }

    /// Whether this is the name of a type or a member: both begin with its place in the strings.
    fn is_called(&self, named: &[u8], name: &str) -> bool {
        let place = word(named, 0).and_then(|place| self.strings.get(place as usize..));
        let bytes = name.bytes().chain(iter::once(0));
        place.is_some_and(|place| bytes.enumerate().all(|(at, byte)| place.get(at) == Some(&byte)))
    }
}

fn kind(one: &[u8]) -> Option<u32> {
    Some(word(one, 4)? >> 24 & 0x1f)
}

/// The length of the first of these types; `None`: it is of a kind that Linux 6.18 has not.
fn len_bytes(types: &[u8]) -> Option<usize> {
    let entries = (word(types, 4)? & 0xffff) as usize;
    let more = match kind(types)? {
        // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT and TYPE_TAG.
        2 | 7..=12 | 16 | 18 => 0,
        // INT, VAR and DECL_TAG.
        1 | 14 | 17 => 4,
        // ARRAY.
        3 => 12,
        STRUCT | UNION => entries * MEMBER_LEN,
        // ENUM and FUNC_PROTO.
        6 | 13 => entries * 8,
        // DATASEC and ENUM64.
        15 | 19 => entries * 12,
        _ => return None,
    };
    Some(TYPE_LEN + more)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRINGS: &[u8] = b"\0int\0other\0device\0state\0flags\0ifindex\0";

    fn place(name: &str) -> u32 {
        let at = STRINGS
            .windows(name.len() + 1)
            .position(|part| part == [name.as_bytes(), b"\0"].concat());
        u32::try_from(at.expect("a name")).unwrap()
    }

    /// A type of this kind and name, with these words behind it, `each` of which are an entry.
    fn of_kind(kind: u32, name: &str, size: u32, each: usize, words: &[u32]) -> Vec<u32> {
        let entries = if each == 0 { 0 } else { words.len() / each };
        let info = kind << 24 | u32::try_from(entries).unwrap();
        [&[place(name), info, size], words].concat()
    }

    fn btf(types: &[Vec<u32>]) -> Vec<u8> {
        let types = types.concat();
        let len = u32::try_from(4 * types.len()).unwrap();
        let header = [24, 0, len, len, u32::try_from(STRINGS.len()).unwrap()];
        let mut btf = MAGIC.to_ne_bytes().to_vec();
        btf.extend([1, 0]);
        btf.extend(header.iter().chain(&types).flat_map(|word| word.to_ne_bytes()));
        btf.extend(STRINGS);
        btf
    }

    #[test]
    fn a_field_is_found_behind_types_of_every_kind_and_in_nameless_parts() {
        let int = of_kind(1, "int", 4, 0, &[32]);
        let others = [
            of_kind(2, "", 1, 0, &[]),
            of_kind(3, "", 0, 0, &[1, 1, 4]),
            of_kind(6, "flags", 4, 2, &[place("state"), 0, place("flags"), 1]),
            of_kind(13, "", 1, 2, &[0, 1]),
            of_kind(14, "state", 1, 0, &[0]),
            of_kind(15, "", 4, 3, &[1, 0, 4]),
            of_kind(17, "flags", 1, 0, &[0]),
            of_kind(19, "flags", 8, 3, &[place("state"), 0, 0]),
            of_kind(STRUCT, "other", 4, 3, &[place("ifindex"), 1, 0]),
        ];
        let nameless = of_kind(UNION, "", 8, 3, &[place("state"), 1, 0, place("ifindex"), 1, 32]);
        let number = u32::try_from(others.len() + 2).unwrap();
        let members = [place("flags"), 1, 0, 0, number, 64, place("state"), 1, 4 << 24 | 128];
        let mut device = of_kind(STRUCT, "device", 20, 3, &members);
        device[1] |= 1 << 31;
        let types = [vec![int], others.to_vec(), vec![nameless, device]].concat();
        let bytes = btf(&types);
        let types = KernelTypes::parse(&bytes).expect("BTF");
        for (structure, field, offset) in [
            ("device", "flags", Some(0)),
            ("device", "ifindex", Some(12)),
            ("other", "ifindex", Some(0)),
            // The first that has the name.
            ("device", "state", Some(8)),
            ("device", "int", None),
            ("dev", "flags", None),
            ("int", "flags", None),
        ] {
            assert_eq!(types.field_offset(structure, field), offset, "{structure} {field}");
        }
    }

    #[test]
    fn what_is_no_btf_is_refused() {
        let sound = btf(&[of_kind(1, "int", 4, 0, &[32])]);
        assert!(KernelTypes::parse(&sound).is_some());
        assert!(KernelTypes::parse(&btf(&[of_kind(20, "int", 4, 0, &[])])).is_none());
        for len in 0..sound.len() {
            assert!(KernelTypes::parse(&sound[..len]).is_none(), "{len}");
        }
        let other_order: Vec<_> = sound[..2].iter().rev().chain(&sound[2..]).copied().collect();
        assert!(KernelTypes::parse(&other_order).is_none());
    }

    /// The two fields of a list's head are where they have always been.
    #[test]
    fn this_kernels_types_can_be_read() {
        if !std::path::Path::new(VMLINUX).exists() {
            eprintln!("SKIPPED: this kernel has no {VMLINUX}");
            return;
        }
        let pointer = u32::try_from(size_of::<usize>()).unwrap();
        assert_eq!(field_offset("list_head", "prev").unwrap(), pointer);
        assert!(field_offset("net_device", "ifindex").is_ok());
        let absent = field_offset("net_device", "no_such_field").unwrap_err();
        assert!(matches!(absent, KernelError::Unsuitable(_)), "{absent:?}");
    }
}
