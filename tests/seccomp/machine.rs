//! A machine for classic BPF, as the kernel runs it for seccomp (kernel/seccomp.c,
//! Documentation/networking/filter.rst). Written apart from the assembler, to check it.

use sandbox::seccomp::Instruction;

/// One system call as a program sees it: `struct seccomp_data`.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub number: u32,
    pub architecture: u32,
    pub arguments: [u64; 6],
}

impl Call {
    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.architecture,
            8 | 12 => 0,
            16..=60 if offset.is_multiple_of(4) => {
                let argument = self.arguments[(offset as usize - 16) / 8];
                if offset.is_multiple_of(8) {
                    argument as u32
                } else {
                    (argument >> 32) as u32
                }
            }
            _ => panic!("the kernel refuses a load at {offset}"),
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// The `SECCOMP_RET_*` value.
    pub action: u32,
    /// Instructions executed.
    pub steps: usize,
}

/// Runs `program` on `call`. Panics where the kernel would refuse to load the program.
pub fn run(program: &[Instruction], call: &Call) -> Ran {
    let mut accumulator = 0;
    let mut place = 0;
    for steps in 1.. {
        let Instruction { code, jt, jf, k } = program[place];
        let jump = |holds: bool| 1 + usize::from(if holds { jt } else { jf });
        place += match code {
            0x20 => {
                accumulator = call.word(k);
                1
            }
            0x54 => {
                accumulator &= k;
                1
            }
            0x05 => 1 + k as usize,
            0x15 => jump(accumulator == k),
            0x35 => jump(accumulator >= k),
            0x45 => jump(accumulator & k != 0),
            0x06 => return Ran { action: k, steps },
            _ => panic!("operation {code:#x} is none of those that the policy needs"),
        };
    }
    unreachable!("a program only moves forward")
}

/// Asserts what the kernel checks before it loads a program: every jump stays inside, and the last
/// instruction returns.
pub fn assert_loadable(program: &[Instruction]) {
    assert!(!program.is_empty() && program.len() <= 4096);
    for (place, Instruction { code, jt, jf, k }) in program.iter().enumerate() {
        let farthest = match code {
            0x05 => *k as usize,
            0x15 | 0x35 | 0x45 => usize::from(*jt.max(jf)),
            _ => 0,
        };
        assert!(
            place + farthest + 1 < program.len() || *code == 0x06,
            "jump at {place}"
        );
    }
    assert_eq!(program.last().map(|last| last.code), Some(0x06));
}
